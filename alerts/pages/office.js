(function () {
  "use strict";
  var one = function (id) { return document.getElementById(id); };
  var all = function (selector, within) { return Array.prototype.slice.call((within || document).querySelectorAll(selector)); };
  // Hangul typed or pasted on a Mac comes in parts; spaces and hyphens are never what tells two apart.
  var plain = function (text) { return text.normalize("NFC").toLowerCase().replace(/[\s\-·,]/g, ""); };
  var tools = document.querySelector(".tools"), find = one("find"), order = one("order"), list = one("cards");
  tools.hidden = false;
  tools.addEventListener("submit", function (event) { event.preventDefault(); });

  var cards = all(".card").map(function (card, place) {
    var head = card.querySelector("header");
    return {
      card: card, place: place, due: card.dataset.due, name: card.querySelector("h3").textContent,
      text: plain(["h3", ".phone", ".home", ".id"].map(function (part) { return head.querySelector(part).textContent; }).join(" ")),
      more: card.querySelector("details")
    };
  });
  var chosen = function (kind) {
    return all("button[data-" + kind + "][aria-pressed=true]", tools).map(function (button) { return button.dataset[kind]; });
  };

  var has = function (name) { return this.classList.contains(name); };
  var show = function () {
    var words = find.value.split(/\s+/).map(plain).filter(Boolean), lanes = chosen("lane"), states = chosen("state"), shown = 0;
    cards.forEach(function (entry) {
      var fits = words.every(function (word) { return entry.text.indexOf(word) >= 0; }) &&
        (!lanes.length || lanes.some(has, entry.card)) &&
        (!states.length || states.some(has, entry.card));
      entry.card.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    one("shown").textContent = shown === cards.length ? cards.length + "가구 모두 표시" : cards.length + "가구 중 " + shown + "가구 표시";
    if (one("none")) { one("none").hidden = shown > 0 || !cards.length; }
  };

  var arrange = function () {
    var by = {
      "": function (a, b) { return a.place - b.place; },
      due: function (a, b) { return a.due < b.due ? -1 : a.due > b.due ? 1 : a.place - b.place; },
      name: function (a, b) { return a.name.localeCompare(b.name, "ko") || a.place - b.place; }
    }[order.value];
    var sorted = document.createDocumentFragment();
    cards.slice().sort(by).forEach(function (entry) { sorted.appendChild(entry.card); });
    if (list) { list.appendChild(sorted); }
  };

  var open = function (wanted) {
    cards.forEach(function (entry) { if (!entry.card.hidden) { entry.more.open = wanted; } });
    one("open").textContent = wanted ? "모두 접기" : "모두 펼치기";
    one("open").setAttribute("aria-expanded", String(wanted));
  };

  var waiting = 0;
  find.addEventListener("input", function () { clearTimeout(waiting); waiting = setTimeout(show, 80); });
  find.addEventListener("keydown", function (event) {
    if (event.key === "Enter") { clearTimeout(waiting); show(); }
    if (event.key === "Escape") { find.value = ""; show(); }
  });
  tools.addEventListener("click", function (event) {
    var button = event.target.closest("button[aria-pressed]");
    if (!button) { return; }
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    show();
  });
  order.addEventListener("change", arrange);
  one("open").addEventListener("click", function () { open(one("open").getAttribute("aria-expanded") !== "true"); });
  one("print").addEventListener("click", function () { window.print(); });
  if (one("clear")) {
    one("clear").addEventListener("click", function () {
      find.value = "";
      all("button[aria-pressed]", tools).forEach(function (button) { button.setAttribute("aria-pressed", "false"); });
      show();
      find.focus();
    });
  }
  document.addEventListener("keydown", function (event) {
    var typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      find.focus();
      find.select();
    }
  });

  // Older browsers cannot print what is folded: unfold it for the print, and fold it again.
  var folded = [];
  window.addEventListener("beforeprint", function () {
    folded = cards.filter(function (entry) { return !entry.more.open; });
    folded.forEach(function (entry) { entry.more.open = true; });
  });
  window.addEventListener("afterprint", function () { folded.forEach(function (entry) { entry.more.open = false; }); });
})();
