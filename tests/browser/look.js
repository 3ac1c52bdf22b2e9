// What is wrong with the page, as sentences.
(function () {
  "use strict";
  const wrong = [];
  const name = (one) => {
    const text = one.id ? "#" + one.id : one.tagName.toLowerCase() + "." + (one.getAttribute("class") || "");
    return text + " \"" + (one.textContent || "").trim().slice(0, 40) + "\"";
  };
  const isShown = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });

  // Nothing is wider than the window.
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) {
    wrong.push("the page is " + document.documentElement.scrollWidth + " wide, and the window " + width);
  }

  // Verdict and cause are seen without scrolling.
  for (const one of document.querySelectorAll("#verdict, .banner .cause")) {
    const box = one.getBoundingClientRect();
    if (box.top < 0 || box.bottom > window.innerHeight) wrong.push(name(one) + " is out of sight");
  }

  // Contrast of text (WCAG 2.2, 1.4.3).
  const colour = (text) => {
    const parts = text.match(/[\d.]+/g).map(Number);
    return { r: parts[0], g: parts[1], b: parts[2], a: parts.length > 3 ? parts[3] : 1 };
  };
  const over = (top, below) => ({
    r: top.r * top.a + below.r * (1 - top.a),
    g: top.g * top.a + below.g * (1 - top.a),
    b: top.b * top.a + below.b * (1 - top.a),
    a: 1,
  });
  const behind = (one) => {
    if (!one) return { r: 255, g: 255, b: 255, a: 1 };
    const own = colour(getComputedStyle(one).backgroundColor);
    return own.a === 1 ? own : over(own, behind(one.parentElement));
  };
  const opacity = (one) => (one ? Number(getComputedStyle(one).opacity) * opacity(one.parentElement) : 1);
  const light = (part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const luminance = (c) => 0.2126 * light(c.r) + 0.7152 * light(c.g) + 0.0722 * light(c.b);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (texts.nextNode()) {
    const one = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || one.closest("svg, script, style, noscript") || !isShown(one)) continue;
    seen += 1;
    const back = behind(one);
    const front = colour(getComputedStyle(one).color);
    front.a *= opacity(one);
    const pair = [luminance(over(front, back)), luminance(back)].sort((x, y) => y - x);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) wrong.push("contrast " + ratio.toFixed(2) + " of " + name(one));
  }
  if (seen < 10) wrong.push("only " + seen + " texts are seen");

  // Bars stand out from what is behind them (WCAG 2.2, 1.4.11).
  for (const one of document.querySelectorAll("svg rect")) {
    const style = getComputedStyle(one);
    const front = colour(style.fill === "none" ? style.stroke : style.fill);
    const back = behind(one.closest("svg"));
    const pair = [luminance(front), luminance(back)].sort((x, y) => y - x);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 3) wrong.push("contrast " + ratio.toFixed(2) + " of a bar " + one.getAttribute("class"));
    const box = one.getBoundingClientRect();
    if (isShown(one) && box.height < 2) wrong.push("a bar " + one.getAttribute("class") + " has no height");
  }

  // Headings begin with the first and leave none out.
  let level = 0;
  for (const one of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const own = Number(one.tagName[1]);
    if (own > level + 1) wrong.push("heading " + own + " after " + level + ": " + name(one));
    level = own;
  }
  if (document.querySelectorAll("h1").length !== 1) wrong.push("there is not one h1");

  // What is a picture has words; what scrolls can be reached and has a name; ids are there once.
  for (const one of document.querySelectorAll("svg:not([aria-hidden=true])")) {
    if (!one.getAttribute("aria-label")) wrong.push("a picture without words");
  }
  for (const one of document.querySelectorAll("main *")) {
    if (one.scrollWidth > one.clientWidth + 1 && ["auto", "scroll"].includes(getComputedStyle(one).overflowX)) {
      if (one.tabIndex < 0 || !one.getAttribute("aria-label")) wrong.push(name(one) + " scrolls and cannot be reached");
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of ids) {
    if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push("the id " + id + " is there twice");
  }
  if (!document.documentElement.lang) wrong.push("the language is not said");
  return wrong;
})();
