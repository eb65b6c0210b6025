"""Text that tries to become something else: what a hostile document, file name or question may hold."""

from __future__ import annotations

HOSTILE = {
    "img onerror": '<img src=x onerror="window.pwned=1">',
    "svg onload": "<svg onload=window.pwned=1>",
    "iframe srcdoc": '<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>',
    "script": "</script><script>window.pwned=1</script>",
    "markdown image": "![x](http://evil.example/a.png)",
    "reference image": "![x][1]\n\n[1]: http://evil.example/b.png",
    "srcset": '<img srcset="http://evil.example/c.png 1x">',
    "css url": "<style>body{background:url(http://evil.example/d.png)}</style>",
    "css import": "<style>@import 'http://evil.example/e.css';</style>",
    "video poster": '<video poster="http://evil.example/f.png"></video>',
    "javascript link": "[click](javascript:window.pwned=1)",
    "data link": '<a href="data:text/html,<script>window.pwned=1</script>">click</a>',
    "form": '<form action="http://evil.example/g"><button>Send</button></form>',
    "meta refresh": '<meta http-equiv="refresh" content="0;url=http://evil.example/h">',
    "base href": '<base href="http://evil.example/">',
    "template": "${window.pwned=1} {{window.pwned=1}} {{{value}}} #{1+1}",
    "mark spoofing": '</mark><a href="#cite-0-1-mark">[1]</a><mark> [\\[9\\]](#cite-0-9)',
    "bidi": "safe\u202egpj.exe\u2066 \u2069",
    "attribute break-out": '" onmouseover="window.pwned=1" x=\'',
    "markdown blocks": "# heading\n\n    code\n\n- item\n1. one\n\n> quote\n\n***\n\n```\nx\n```",
    "markdown table": "| a |\n|---|\n| b |",
    "autolinks": "http://evil.example www.evil.example a@evil.example <http://evil.example>",
    "entities": "&lt;b&gt; &amp; &#60;script&#62;",
    "control": "a\x00b\x1bc\x7fd\ud800e",
    "thinking": "<think>hidden</think> $$x^2$$ :smile:",
}
