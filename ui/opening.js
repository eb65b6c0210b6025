// Runs before Gradio's scripts. The clock of Gradio's loading sign (StatusTracker in @gradio/statustracker) is
// not stopped when the sign goes: it asks for a frame sixty times a second for as long as the page is open, a
// twentieth of a core. That clock is never seen here. Needless once the sign stops its clock when it is removed.
{
  const request = window.requestAnimationFrame.bind(window);
  const clock = /performance\.now\(\)\s*-[^;]*\/\s*1e3/;
  window.requestAnimationFrame = (step) => (clock.test(step) ? 0 : request(step));
}
