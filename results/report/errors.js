"use strict";
// Errors of the page itself are kept where a test, or a person with the inspector, finds them.

function noteError(text) {
  const root = document.documentElement;
  root.dataset.errors = (root.dataset.errors ? root.dataset.errors + " | " : "") + text;
}
window.addEventListener("error", event => noteError(event.message + " @" + event.lineno));
window.addEventListener("unhandledrejection", event => noteError(String(event.reason)));
document.addEventListener("securitypolicyviolation", event => noteError("blocked: " + event.blockedURI));
