(function () {
  "use strict";
  var all = function (selector, within) { return Array.prototype.slice.call(within.querySelectorAll(selector)); };
  var told = document.createElement("p");
  told.className = "vh";
  told.setAttribute("role", "status");
  document.querySelector("main").appendChild(told);

  // "83% (10/12)" sorts by 83, "–" after every number, words by their order in Korean.
  var value = function (row, column) {
    var text = row.cells[column].textContent.trim(), number = parseFloat(text.replace(/,/g, ""));
    return isNaN(number) || !/^[\d,.]+( |%|$)/.test(text) ? text : number;
  };
  var compare = function (a, b) {
    if (typeof a === "number" && typeof b === "number") { return a - b; }
    if (typeof a !== typeof b) { return typeof a === "number" ? -1 : 1; }
    return a.localeCompare(b, "ko");
  };
  all(".sorts", document).forEach(function (table) {
    var body = table.tBodies[0], heads = all("thead th", table);
    heads.forEach(function (head) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.textContent = "";
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : head.cellIndex > 0;
        var sorted = all("tr", body).map(function (row, place) { return { row: row, place: place, by: value(row, head.cellIndex) }; });
        sorted.sort(function (a, b) { return (down ? -1 : 1) * compare(a.by, b.by) || a.place - b.place; });
        sorted.forEach(function (entry) { body.appendChild(entry.row); });
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        told.textContent = button.textContent + (down ? " 내림차순으로 정렬" : " 오름차순으로 정렬");
      });
    });
  });
  document.querySelector("main>.acts").hidden = false;
  document.getElementById("print").addEventListener("click", function () { window.print(); });
})();
