// The shop works without this file. It only says aloud what htmx would keep quiet: a request that failed.
(() => {
  "use strict";
  const say = (message) => {
    const announcer = document.getElementById("announcer");
    if (!announcer) return;
    const toast = document.createElement("p");
    toast.className = "toast";
    toast.textContent = message;
    announcer.replaceChildren(toast);
  };
  document.addEventListener("htmx:sendError", () => say("The shop could not be reached. Please try again."));
  document.addEventListener("htmx:responseError", () => say("That did not work. Please reload the page and try again."));
})();
