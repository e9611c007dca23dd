/**
 * The page Try it: two models judge a drawing side by side, and show what spoke for their answers.
 *
 * An image is an array of 784 numbers, row by row, from 0 for paper to 255 for full ink, as in
 * MNIST. Both models add up what they see, pixels or strokes, times their coefficients, which
 * model.js holds as MODEL. All of it runs in the page, so no drawing leaves it.
 */
"use strict";

const SIDE = 28;
const BLANK = Array(SIDE * SIDE).fill(0);
const STEPS = { Left: [0, -1], Up: [-1, 0], Down: [1, 0], Right: [0, 1] }; // rows, columns
const WAYS = 8; // that an edge can face
const GRID = 8; // cells along each side, four pixels apart, the outer ones on the frame
const STROKES = (WAYS / 2) * GRID * GRID; // the two edges of a stroke face opposite ways

const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);
const clip = (n, low, high) => Math.min(high, Math.max(low, n));
const listOf = (n, item) => Array.from({ length: n }, (_, i) => item(i));
const [rowOf, columnOf] = [(i) => Math.floor(i / SIDE), (i) => i % SIDE];

/** How much a cell of the grid counts a row, or a column, of pixels: a bell curve around it. */
const NEAR = listOf(GRID, (cell) =>
  listOf(SIDE, (place) => Math.exp(-(((place + 0.5 - 4 * cell) / 2) ** 2) / 2)),
);

/** How much edge faces each way near each cell: chapter 3's `StrokeDirections`. */
function strokeFeatures(image) {
  const edges = Array(WAYS * GRID * GRID).fill(0);
  // Between the neighbours on both sides; at the frame there is only one, and the pixel itself.
  const [before, after] = [(n) => Math.max(n - 1, 0), (n) => Math.min(n + 1, SIDE - 1)];
  const slope = (ink, n) => (ink(after(n)) - ink(before(n))) / (after(n) - before(n));
  for (const i of image.keys()) {
    const [row, column] = [rowOf(i), columnOf(i)];
    const down = slope((n) => image[n * SIDE + column], row);
    const right = slope((n) => image[row * SIDE + n], column);
    if (down === 0 && right === 0) continue;
    const facing = ((Math.atan2(down, right) / (2 * Math.PI) + 1) * WAYS) % WAYS; // clockwise
    for (const way of [Math.floor(facing), Math.floor(facing) + 1]) {
      const strength = Math.hypot(down, right) * (1 - Math.abs(facing - way));
      for (let y = 0; y < GRID; y++)
        for (let x = 0; x < GRID; x++)
          edges[((way % WAYS) * GRID + y) * GRID + x] += strength * NEAR[y][row] * NEAR[x][column];
    }
  }
  const lifted = edges.map((n) => n ** 0.3); // faint edges count too
  const length = Math.hypot(...lifted) || 1; // thick ink and thin count alike
  return lifted.map((n) => n / length);
}

/** What each model sees of an image: its ink, or how much more edge it has than the mean image. */
const SEES = {
  pixels: (image) => image,
  strokes: (image) => strokeFeatures(image).map((n, i) => n - MODEL.strokes.means[i]),
};

/** The score of each digit: its intercept, and each feature times its coefficient. */
function scores(name, image) {
  const { unit, intercepts, coefficients } = MODEL[name];
  const seen = SEES[name](image);
  const add = (row, k) => row.reduce((z, n, i) => z + n * seen[i], intercepts[k]);
  return coefficients.map((row, k) => unit * add(row, k));
}

/** Scores as probabilities. The largest is taken off first, or e to its power could overflow. */
function probabilities(z) {
  const powers = z.map((score) => Math.exp(score - Math.max(...z)));
  return powers.map((power) => power / sum(powers));
}

/** What each pixel, or each stroke, adds to the margin between the scores of two digits. */
function evidence(name, image, winner, rival) {
  const { unit, coefficients } = MODEL[name];
  const [speaks, against] = [coefficients[winner], coefficients[rival]];
  const shares = SEES[name](image).map((n, i) => unit * n * (speaks[i] - against[i]));
  return name === "pixels" ? shares : listOf(STROKES, (i) => shares[i] + shares[i + STROKES]);
}

/** The image that has `ink(row, column)` at each place. */
function imageOf(ink) {
  return BLANK.map((_, i) => ink(rowOf(i), columnOf(i)));
}

/** The ink at a place. Beyond the frame there is paper. */
function inkAt(image, row, column) {
  const inside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
  return inside ? image[row * SIDE + column] : 0;
}

const moved = (image, down, right) =>
  imageOf((row, column) => inkAt(image, row - down, column - right));

/** Each pixel becomes what `choose`, Math.max or Math.min, takes of it and the four beside it. */
function spread(image, choose) {
  const places = [[0, 0], ...Object.values(STEPS)];
  return imageOf((row, column) =>
    choose(...places.map(([down, right]) => inkAt(image, row + down, column + right))),
  );
}

/** The image with a round dab of ink at a point, its edge soft as in a scan. */
function dabbed(image, x, y) {
  return imageOf((row, column) => {
    const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
    return Math.max(inkAt(image, row, column), Math.round(255 * clip(1.8 - distance, 0, 1)));
  });
}

/** As MNIST's makers did it: the longer side at 20 pixels, the centre of mass in the middle. */
function centred(image) {
  const inked = [...image.keys()].filter((i) => image[i] > 0);
  if (inked.length === 0) return image;
  const [rows, columns] = [inked.map(rowOf), inked.map(columnOf)];
  const [top, left] = [Math.min(...rows), Math.min(...columns)];
  const step = (Math.max(Math.max(...rows) - top, Math.max(...columns) - left) + 1) / 20;
  // How much of a new pixel an old one fills, along one side.
  const share = (now, old) =>
    clip(Math.min((now + 1) * step, old + 1) - Math.max(now * step, old), 0, 1) / step;
  const scaled = imageOf((y, x) =>
    sum(inked.map((i, k) => image[i] * share(y, rows[k] - top) * share(x, columns[k] - left))),
  );
  // How far the centre of mass, of rows or of columns, is beyond the middle.
  const beyond = (place) =>
    Math.round(sum(scaled.map((ink, i) => ink * place(i))) / sum(scaled) - SIDE / 2);
  return moved(scaled, -beyond(rowOf), -beyond(columnOf)).map(Math.round);
}

// From here on the page: what it shows, and what its controls do.

const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const write = (selector, text, within) => (find(selector, within).textContent = text);
const signed = (n) => (n.toFixed(2) < 0 ? "−" : "+") + Math.abs(n).toFixed(2);
const toCome = { right: [], wrong: [] }; // digits of MODEL that were not brought yet
const past = []; // what undo goes back to
let now = { image: BLANK, label: "" }; // the drawing, and the label of one that was brought
let cursor = [13, 13]; // of the keyboard: row, column
let pen = null; // where it was last, while it is down
let telling; // the timer of what a screen reader is told next

/** White at zero; the chapters' blue at 1 and above, and their red at -1 and below. */
function blueOrRed(n) {
  const end = n > 0 ? [33, 102, 172] : [178, 24, 43];
  return end.map((channel) => Math.round(255 + clip(Math.abs(n), 0, 1) * (channel - 255)));
}

function paintPixels(canvas, pixels, colour) {
  const context = canvas.getContext("2d");
  const painted = context.createImageData(SIDE, SIDE);
  pixels.forEach((n, i) => painted.data.set([...colour(n), 255], 4 * i));
  context.putImageData(painted, 0, 0);
}

/** In each cell the stroke that says most, over the image in grey: thin where it is missing. */
function paintStrokes(canvas, shares, image) {
  const seen = SEES.strokes(image);
  const context = canvas.getContext("2d");
  const pixel = canvas.width / (SIDE + 4); // around the image there is room for the outer cells
  context.clearRect(0, 0, canvas.width, canvas.height);
  image.forEach((ink, i) => {
    context.fillStyle = `rgb(0 0 0 / ${(0.2 * ink) / 255})`;
    context.fillRect((columnOf(i) + 2) * pixel, (rowOf(i) + 2) * pixel, pixel, pixel);
  });
  for (let cell = 0; cell < GRID * GRID; cell++) {
    const here = listOf(WAYS / 2, (way) => way * GRID * GRID + cell);
    const most = here.reduce((a, b) => (Math.abs(shares[b]) > Math.abs(shares[a]) ? b : a));
    const way = (here.indexOf(most) * 2 * Math.PI) / WAYS; // of its edges: it runs across
    const half = 1.8 * pixel * clip(Math.abs(shares[most]), 0, 1);
    const [dx, dy] = [-half * Math.sin(way), half * Math.cos(way)];
    const [x, y] = [cell % GRID, Math.floor(cell / GRID)].map((n) => (4 * n + 2) * pixel);
    context.lineWidth = seen[most] + seen[most + STROKES] > 0 ? pixel / 2 : pixel / 6;
    context.strokeStyle = `rgb(${blueOrRed(shares[most])})`;
    context.stroke(new Path2D(`M ${x - dx} ${y - dy} L ${x + dx} ${y + dy}`));
  }
}

/** Show what a model says of an image, and why. Return the digit. */
function judge(name, image) {
  const box = find(`[data-model=${name}]`);
  const z = scores(name, image);
  const [winner, second] = [...z.keys()].sort((a, b) => z[b] - z[a]);
  const choice = find("select", box);
  if (choice.value === String(winner)) choice.value = ""; // no digit is its own rival
  choice.options[0].text = `${second}, the next`;
  const rival = Number(choice.value || second);
  const shares = evidence(name, image, winner, rival);
  const canvas = find("canvas", box);
  if (name === "pixels") paintPixels(canvas, shares, blueOrRed);
  else paintStrokes(canvas, shares, image);

  const percents = probabilities(z).map((p) => `${(100 * p).toFixed(1)} %`);
  all("li", box).forEach((line, k) => {
    line.classList.toggle("try-winning", k === winner);
    line.style.setProperty("--chance", percents[k].replace(" ", ""));
    line.lastChild.textContent = percents[k];
  });
  const { unit, intercepts } = MODEL[name];
  const parts = {
    ".try-verdict": `${winner}, with ${percents[winner]}`,
    ".try-winner": winner,
    ".try-for": signed(sum(shares.filter((n) => n > 0))),
    ".try-against": signed(sum(shares.filter((n) => n < 0))),
    ".try-intercepts": signed(unit * (intercepts[winner] - intercepts[rival])),
    ".try-margin": signed(z[winner] - z[rival]),
  };
  Object.entries(parts).forEach(([selector, text]) => write(selector, text, box));
  return winner;
}

/** Show a drawing, and what both models say of it. */
function show(drawing = now) {
  now = drawing;
  const image = find("#centring").checked ? centred(now.image) : now.image;
  const blank = !sum(now.image);
  paintPixels(find("#drawing"), now.image, (ink) => Array(3).fill(255 - ink));
  find(".try-paper").classList.toggle("try-blank", blank);
  write("#label", now.label);
  const [pixels, strokes] = Object.keys(SEES).map((name) => judge(name, image));
  const verdict = `Pixels say ${pixels}, strokes say ${strokes}${blank ? ", on blank paper" : ""}.`;
  clearTimeout(telling); // in the middle of a stroke there is nothing to tell
  telling = setTimeout(() => {
    if (find("#told").textContent !== verdict) write("#told", verdict);
  }, 500);
}

/** Change the drawing, so that undo can bring back what it was. */
function change(image, label = now.label) {
  past.push(now);
  show({ image, label });
}

function bring(kind, digit) {
  for (const choice of all("select")) choice.value = kind === "wrong" ? digit : "";
  const image = Array.from(atob(MODEL.digits[kind][digit]), (byte) => byte.charCodeAt());
  change(image, `The label of this one is ${digit}.`);
}

/** Begin a stroke: on the drawing, or on blank paper where that was an example. */
function putDown() {
  change(now.label ? BLANK : now.image, "");
}

/** Draw from where the pen was to where it is; the browser tells only some points of its way. */
function onPointer(event) {
  if (!event.isPrimary) return; // a second finger
  const { target: canvas, offsetX, offsetY } = event;
  const place = [offsetX, offsetY].map((n) => (n / canvas.clientWidth) * SIDE);
  if (event.buttons === 1 && !pen) putDown();
  const [x, y] = pen ?? place;
  pen = event.buttons === 1 ? place : null;
  if (!pen) return;
  canvas.setPointerCapture(event.pointerId); // a stroke may leave the canvas and come back
  const [dx, dy] = [place[0] - x, place[1] - y];
  const dabs = Math.ceil(2 * Math.hypot(dx, dy)) || 1;
  const along = listOf(dabs, (i) => (i + 1) / dabs);
  const dab = (image, part) => dabbed(image, x + part * dx, y + part * dy);
  show({ image: along.reduce(dab, now.image), label: "" });
}

function onKey(event) {
  const step = STEPS[event.key.replace("Arrow", "")];
  const inks = [" ", "Enter"].includes(event.key);
  if (!step && !inks) return; // the browser's own keys, such as Tab
  event.preventDefault();
  if (step) cursor = cursor.map((place, i) => clip(place + step[i], 0, SIDE - 1));
  const [row, column] = cursor;
  if (inks || event.shiftKey) {
    putDown();
    show({ image: dabbed(now.image, column + 0.5, row + 0.5), label: "" });
  }
  find("#cursor").style.translate = `${100 * column}% ${100 * row}%`;
  const what = inkAt(now.image, row, column) ? "ink" : "paper";
  write("#place", `Row ${row + 1}, column ${column + 1}: ${what}.`);
}

for (const name of Object.keys(SEES)) {
  const model = find("#model").content.cloneNode(true);
  const bars = listOf(10, (k) => `<li>${k}<span class="try-bar"></span><span></span></li>`);
  find("section", model).dataset.model = name;
  find("ol", model).innerHTML = bars.join("");
  find("select", model).append(...listOf(11, (k) => new Option(k ? k - 1 : "", k ? k - 1 : "")));
  find("canvas", model).width = find("canvas", model).height = name === "pixels" ? SIDE : 512;
  write(".try-name", name, model);
  find(".try-it").append(model);
}
const on = (selector, type, act) => all(selector).forEach((e) => e.addEventListener(type, act));
for (const type of ["down", "move", "up", "cancel"]) on("#drawing", `pointer${type}`, onPointer);
on("#drawing", "keydown", onKey);
on("#centring, select", "change", () => show());
on("#undo", "click", () => show(past.pop() ?? now));
on("#clear", "click", () => change(BLANK, ""));
on("#thicker", "click", () => change(spread(now.image, Math.max)));
on("#thinner", "click", () => change(spread(now.image, Math.min)));
on("[data-move]", "click", ({ target }) => change(moved(now.image, ...STEPS[target.dataset.move])));
on("[data-bring]", "click", ({ target }) => {
  const kind = target.dataset.bring;
  if (!toCome[kind].length) toCome[kind] = listOf(10, (k) => k);
  bring(kind, ...toCome[kind].splice(Math.random() * toCome[kind].length, 1));
});
bring("right", 6);
