// A page that a search has led to shows its word where it first stands, and not its own beginning.
// The theme loads the search with every page, by which Sphinx takes each for the search's own, and
// marks nothing.
addEventListener("DOMContentLoaded", () => {
  if (document.getElementById("search-results")) return;
  if (!location.hash && localStorage.getItem("sphinx_highlight_terms")) {
    new MutationObserver((_, observer) => {
      const word = document.querySelector("article .highlighted");
      if (!word) return;
      observer.disconnect();
      word.scrollIntoView({ block: "center" });
    }).observe(document, { childList: true, subtree: true });
  }
  SphinxHighlight.highlightSearchWords();
});

// Paper is light.
let theme;
addEventListener("beforeprint", () => {
  theme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
addEventListener("afterprint", () => (document.documentElement.dataset.theme = theme));
