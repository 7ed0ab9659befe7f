// Gives every Lisp example a link that opens it in the playground beside these pages.
(() => {
  const playground = new URL("../playground/index.html", document.currentScript.src);

  function fragment(source) {
    const bytes = new TextEncoder().encode(JSON.stringify([source, "reference", {}]));
    return btoa(String.fromCodePoint(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  }

  for (const block of document.querySelectorAll("div.language-lisp")) {
    const code = block.querySelector("code");
    if (code === null || /[?]\w|\b(sample|flip|observe)\b/.test(code.textContent)) continue; // they need what fills holes
    const link = document.createElement("a");
    link.className = "run";
    link.textContent = "▶ run";
    link.href = `${playground}#program=${fragment(code.textContent.trim())}`;
    block.append(link);
  }
})();
