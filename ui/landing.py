"""Where the keyboard goes on in the Documents view when what had the focus is gone, see focus.js."""

from __future__ import annotations

SUMMARY, JOB, REPORT = "fn-summary", "fn-job", "fn-report"  # ids; each of the last two is a heading
# Selectors, in the order of preference.
ENDED = f"#{REPORT};#{SUMMARY}"  # what a job leaves behind
CHECK = "#fn-tools-html [data-act=plan-all]"
