/**
 * The page Try it: chapter 2's model judges a drawing, and shows what every pixel adds.
 *
 * An image is an array of 784 numbers, row by row, from 0 for paper to 255 for full ink, as in
 * MNIST. MODEL comes from model.js. All of it runs in the page, so no drawing leaves it.
 */
"use strict";

const SIDE = 28;
const BLANK = Array(SIDE * SIDE).fill(0);
const COEFFICIENTS = MODEL.coefficients.map((row) => row.map((n) => n * MODEL.unit));
const INTERCEPTS = MODEL.intercepts.map((n) => n * MODEL.unit);
const STEPS = { Left: [0, -1], Up: [-1, 0], Down: [1, 0], Right: [0, 1] }; // rows, columns

const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);
const clip = (n, low, high) => Math.min(high, Math.max(low, n));

/** The score of each digit: its intercept, and each pixel times its coefficient. */
function scores(image) {
  return COEFFICIENTS.map((row, k) => row.reduce((z, n, i) => z + n * image[i], INTERCEPTS[k]));
}

/** Scores as probabilities. The largest is taken off first, or e to its power could overflow. */
function probabilities(z) {
  const powers = z.map((score) => Math.exp(score - Math.max(...z)));
  return powers.map((power) => power / sum(powers));
}

/** What each pixel adds to the margin between the scores of two digits. */
function evidence(image, winner, rival) {
  return image.map((ink, i) => ink * (COEFFICIENTS[winner][i] - COEFFICIENTS[rival][i]));
}

/** The image that has `ink(row, column)` at each place. */
function imageOf(ink) {
  return BLANK.map((_, i) => ink(Math.floor(i / SIDE), i % SIDE));
}

/** The ink at a place. Beyond the frame there is paper. */
function inkAt(image, row, column) {
  const inside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
  return inside ? image[row * SIDE + column] : 0;
}

function moved(image, down, right) {
  return imageOf((row, column) => inkAt(image, row - down, column - right));
}

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
  const [rows, columns] = [inked.map((i) => Math.floor(i / SIDE)), inked.map((i) => i % SIDE)];
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
  const [below, right] = [beyond((i) => Math.floor(i / SIDE)), beyond((i) => i % SIDE)];
  return moved(scaled, -below, -right).map(Math.round);
}

// From here on the page: what it shows, and what its controls do.

const find = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];
const write = (selector, text) => all(selector).forEach((e) => (e.textContent = text));
const signed = (n) => (n.toFixed(2) < 0 ? "−" : "+") + Math.abs(n).toFixed(2);
const toCome = { right: [], wrong: [] }; // digits of MODEL that were not brought yet
let drawing = BLANK;
let cursor = [13, 13]; // of the keyboard: row, column
let pen = null; // where it was last, while it is down
let told; // the digit that a screen reader was told last
let telling; // the timer of what it is told next

function paint(canvas, image, colour) {
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(SIDE, SIDE);
  image.forEach((n, i) => pixels.data.set([...colour(n), 255], 4 * i));
  context.putImageData(pixels, 0, 0);
}

/** White at zero; the chapters' blue at 1 and above, and their red at -1 and below. */
function blueOrRed(n) {
  const end = n > 0 ? [33, 102, 172] : [178, 24, 43];
  return end.map((channel) => 255 + clip(Math.abs(n), 0, 1) * (channel - 255));
}

/** Judge an image as the drawing, and show all that follows from it. */
function show(image) {
  drawing = image;
  const seen = find("#centring").checked ? centred(drawing) : drawing;
  const z = scores(seen);
  const [winner, second] = [...z.keys()].sort((a, b) => z[b] - z[a]);
  const choice = find("#rival");
  if (choice.value === String(winner)) choice.value = ""; // no digit is its own rival
  choice.options[0].text = `${second}, the second most likely`;
  const rival = Number(choice.value || second);
  const map = evidence(seen, winner, rival);
  const grey = (ink) => Array(3).fill(255 - ink);
  paint(find("#drawing"), drawing, grey);
  paint(find("#seen"), seen, grey);
  paint(find("#evidence"), map, blueOrRed);

  const percents = probabilities(z).map((p) => `${(100 * p).toFixed(1)} %`);
  all("#chances li").forEach((line, k) => {
    line.classList.toggle("try-winning", k === winner);
    line.style.setProperty("--chance", percents[k].replace(" ", ""));
    line.lastChild.textContent = percents[k];
  });
  const verdict = `${sum(seen) ? "It says" : "On blank paper it says"} ${winner}`;
  write("#verdict", `${verdict}, with ${percents[winner]}`);
  write(".try-winner", winner);
  write(".try-rival", rival);
  write("#blue", signed(sum(map.filter((n) => n > 0))));
  write("#red", signed(sum(map.filter((n) => n < 0))));
  write("#intercepts", signed(INTERCEPTS[winner] - INTERCEPTS[rival]));
  write("#margin", signed(z[winner] - z[rival]));
  write("#times", Number(Math.exp(z[winner] - z[rival]).toPrecision(2)).toLocaleString("en"));

  clearTimeout(telling); // in the middle of a stroke there is nothing to tell
  telling = setTimeout(() => {
    if (told !== winner) write("#told", verdict);
    told = winner;
  }, 500);
}

function bring(kind, digit) {
  find("#rival").value = kind === "wrong" ? digit : "";
  write("#label", `The label of this one is ${digit}.`);
  show(Array.from(atob(MODEL.digits[kind][digit]), (byte) => byte.charCodeAt()));
}

/** Draw from where the pen was to where it is; the browser tells only some points of its way. */
function onPointer(event) {
  if (!event.isPrimary) return; // a second finger
  const { target: canvas, offsetX, offsetY } = event;
  const now = [offsetX, offsetY].map((n) => (n / canvas.clientWidth) * SIDE);
  const [x, y] = pen ?? now;
  pen = event.buttons === 1 ? now : null;
  if (!pen) return;
  canvas.setPointerCapture(event.pointerId); // a stroke may leave the canvas and come back
  const [dx, dy] = [now[0] - x, now[1] - y];
  const dabs = Math.ceil(2 * Math.hypot(dx, dy)) || 1;
  const shares = Array.from({ length: dabs }, (_, i) => (i + 1) / dabs);
  show(shares.reduce((image, part) => dabbed(image, x + part * dx, y + part * dy), drawing));
}

function onKey(event) {
  const step = STEPS[event.key.replace("Arrow", "")];
  const inks = [" ", "Enter"].includes(event.key);
  if (!step && !inks) return; // the browser's own keys, such as Tab
  event.preventDefault();
  if (step) cursor = cursor.map((place, i) => clip(place + step[i], 0, SIDE - 1));
  const [row, column] = cursor;
  if (inks || event.shiftKey) show(dabbed(drawing, column + 0.5, row + 0.5));
  find("#cursor").style.translate = `${100 * column}% ${100 * row}%`;
  const what = inkAt(drawing, row, column) ? "ink" : "paper";
  write("#place", `Row ${row + 1}, column ${column + 1}: ${what}.`);
}

const on = (selector, type, act) => all(selector).forEach((e) => e.addEventListener(type, act));
for (const type of ["pointerdown", "pointermove", "pointerup"]) on("#drawing", type, onPointer);
on("#drawing", "keydown", onKey);
on("#centring, #rival", "change", () => show(drawing));
on("#thicker", "click", () => show(spread(drawing, Math.max)));
on("#thinner", "click", () => show(spread(drawing, Math.min)));
on("[data-move]", "click", (event) => show(moved(drawing, ...STEPS[event.target.dataset.move])));
on("#clear", "click", () => {
  write("#label", "");
  show(BLANK);
});
on("[data-bring]", "click", (event) => {
  const kind = event.target.dataset.bring;
  if (!toCome[kind].length) toCome[kind].push(...INTERCEPTS.keys());
  bring(kind, ...toCome[kind].splice(Math.random() * toCome[kind].length, 1));
});
bring("right", 6);
