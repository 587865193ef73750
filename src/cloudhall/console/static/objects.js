// Files dropped on a bucket: sent one part after the other, found again after a reload, sent anew when a line broke.
// What has arrived is known to the server alone; a part counts as arrived when its MD5 is that of the file at hand.

const box = document.getElementById("upload");
const AT_ONCE = 2;
const LONGEST_WAIT_S = 15;
const GIVE_UP_S = 600;
const PASSING = new Set([0, 429, 502, 503, 504]);
const said = box?.dataset ?? {};
const waiting = [];
let running = 0;

class Refused extends Error {}

// MD5 (RFC 1321): browsers bring none, and S3 compares it with what has arrived. Words are little-endian, as in every
// processor that runs a browser today.
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);
const SHIFTS = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]].map((four) => Int32Array.from(four));

export const md5 = (bytes) => {
  const length = (((bytes.length + 8) >> 6) + 1) << 6;
  const padded = new Uint8Array(length);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const words = new Int32Array(padded.buffer), state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  words[length / 4 - 2] = bytes.length << 3;
  words[length / 4 - 1] = bytes.length / 2 ** 29;
  for (let at = 0; at < words.length; at += 16) digest(state, words, at);
  return [...new Uint8Array(state.buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};

const digest = (state, words, at) => {
  let a = state[0], b = state[1], c = state[2], d = state[3], sum = 0, by = 0;
  for (let i = 0; i < 16; i++) {
    sum = (a + ((b & c) | (~b & d)) + SINES[i] + words[at + i]) | 0; by = SHIFTS[0][i & 3];
    a = d; d = c; c = b; b = (b + ((sum << by) | (sum >>> (32 - by)))) | 0;
  }
  for (let i = 16; i < 32; i++) {
    sum = (a + ((d & b) | (~d & c)) + SINES[i] + words[at + ((5 * i + 1) & 15)]) | 0; by = SHIFTS[1][i & 3];
    a = d; d = c; c = b; b = (b + ((sum << by) | (sum >>> (32 - by)))) | 0;
  }
  for (let i = 32; i < 48; i++) {
    sum = (a + (b ^ c ^ d) + SINES[i] + words[at + ((3 * i + 5) & 15)]) | 0; by = SHIFTS[2][i & 3];
    a = d; d = c; c = b; b = (b + ((sum << by) | (sum >>> (32 - by)))) | 0;
  }
  for (let i = 48; i < 64; i++) {
    sum = (a + (c ^ (b | ~d)) + SINES[i] + words[at + ((7 * i) & 15)]) | 0; by = SHIFTS[3][i & 3];
    a = d; d = c; c = b; b = (b + ((sum << by) | (sum >>> (32 - by)))) | 0;
  }
  state[0] += a; state[1] += b; state[2] += c; state[3] += d;
};

const pause = (seconds) => new Promise((done) => {
  const timer = setTimeout(done, seconds * 1000);
  window.addEventListener("online", () => { clearTimeout(timer); done(); }, { once: true });
});

// One request; XMLHttpRequest because only it tells how much has gone.
const attempt = (row, path, query, body, headers) => new Promise((done) => {
  const request = new XMLHttpRequest();
  request.open("POST", `${said.base}/${path}?${new URLSearchParams(query)}`);
  request.setRequestHeader("Csrf-Token", said.token);
  for (const [name, text] of Object.entries(headers)) request.setRequestHeader(name, text);
  request.upload.onprogress = (event) => row.show(event.loaded);
  request.onloadend = () => { row.request = null; done(request); };
  row.request = request;
  request.send(body);
});

const post = async (row, path, query, body = null, headers = {}) => {
  const until = Date.now() + GIVE_UP_S * 1000;
  for (let wait = 1; ; wait = Math.min(2 * wait, LONGEST_WAIT_S)) {
    const answer = await attempt(row, path, query, body, headers);
    if (row.stopped) throw new Refused(said.stopped);
    if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.responseText);
    if (!PASSING.has(answer.status) || Date.now() > until) throw new Refused(explained(answer));
    row.say(said.again);
    await pause(wait);
    if (row.stopped) throw new Refused(said.stopped);
  }
};

const explained = (answer) => {
  try {
    const problem = JSON.parse(answer.responseText);
    return problem.how ? `${problem.error} ${problem.how}` : problem.error;
  } catch {
    return `HTTP ${answer.status}`;
  }
};

const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());

const sendWhole = async (row) => {
  const bytes = await bytesOf(row.file);
  const headers = { "Content-Type": row.file.type || "application/octet-stream" };
  await post(row, "content", { key: row.key, md5: md5(bytes) }, bytes, headers);
};

const sendParts = async (row) => {
  const size = row.file.size, part = Number(said.part);
  const query = { key: row.key, bytes: size, type: row.file.type };
  const begun = await post(row, "uploads", query);
  const there = new Map(begun.parts.map((p) => [p.number, p.md5]));
  if (there.size) row.say(said.reading);
  const prepared = async (number) => {
    const bytes = await bytesOf(row.file.slice((number - 1) * part, number * part));
    return { bytes, sum: md5(bytes) };
  };
  let next = prepared(1); // the one that follows is read while this one is on its way
  for (let number = 1; (number - 1) * part < size; number++) {
    const { bytes, sum } = await next;
    next = prepared(number + 1);
    row.before = (number - 1) * part;
    row.show(0);
    if (there.get(number) === sum) continue;
    await post(row, "parts", { key: row.key, upload: begun.upload, number, md5: sum }, bytes);
  }
  await post(row, "completed", { key: row.key, upload: begun.upload, bytes: size });
};

class Row {
  constructor(file, key) {
    Object.assign(this, { file, key, before: 0, request: null, stopped: false });
    const [line, name, bar, word, stop] = ["li", "span", "progress", "span", "button"].map((t) => document.createElement(t));
    Object.assign(name, { className: "name", textContent: key });
    Object.assign(bar, { max: Math.max(1, file.size), value: 0 });
    bar.setAttribute("aria-label", key);
    Object.assign(stop, { type: "button", className: "link", textContent: said.stop });
    stop.addEventListener("click", () => { this.stopped = true; this.request?.abort(); });
    line.append(name, bar, word, stop);
    Object.assign(this, { bar, word, stop });
    box.querySelector(".sending").append(line);
    this.say(said.waiting);
  }

  show(gone) {
    this.bar.value = Math.min(this.file.size, this.before + gone);
    this.say(`${Math.floor((100 * this.bar.value) / this.bar.max)}%`);
  }

  say(text) {
    this.word.textContent = text;
  }

  end(text, failed) {
    this.say(text);
    this.word.classList.toggle("failed", failed);
    this.stop.remove();
    if (!failed) this.bar.value = this.bar.max;
  }
}

const run = async (row) => {
  try {
    if (row.stopped) throw new Refused(said.stopped);
    if (row.file.size > Number(said.most)) throw new Refused(said.large);
    await (row.file.size > Number(said.part) ? sendParts(row) : sendWhole(row));
    row.end(said.sent, false);
  } catch (error) {
    row.end(error.message, true);
  }
};

const next = async () => {
  if (running >= AT_ONCE || !waiting.length) return;
  running++;
  await run(waiting.shift());
  running--;
  if (!running && !waiting.length) await refresh();
  next();
};

const add = (files) => {
  for (const { file, path } of files) {
    waiting.push(new Row(file, said.prefix + path));
    next();
  }
};

// The list as it is now, without losing what is said about each upload.
const refresh = async () => {
  const page = await fetch(location.href, { headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await page.text(), "text/html");
  for (const id of ["listing", "unfinished"]) {
    document.getElementById(id)?.replaceWith(...[fresh.getElementById(id)].filter(Boolean));
  }
};

const inFolder = async (entry, path) => {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    return [{ file, path: path + entry.name }];
  }
  const reader = entry.createReader(), found = [];
  for (;;) { // a reader gives a hundred entries at a time
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return found;
    for (const inside of some) found.push(...(await inFolder(inside, `${path}${entry.name}/`)));
  }
};

const dropped = async (transfer) => {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  for (const entry of entries) add(await inFolder(entry, ""));
};

if (box) {
  const form = box.querySelector("form");
  for (const part of box.querySelectorAll("[data-scripted]")) part.hidden = false;
  form.querySelector("[data-plain]").hidden = true;
  for (const label of form.querySelectorAll("label")) label.classList.add("btn");
  const take = (input) => {
    add([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    input.value = "";
  };
  form.addEventListener("change", (event) => take(event.target));
  // Whoever chose before this script was there is not kept waiting.
  for (const input of form.querySelectorAll("[type=file]")) if (input.files.length) take(input);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) document.addEventListener(kind, () => form.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    dropped(event.dataTransfer);
  });
  window.addEventListener("beforeunload", (event) => {
    if (running) event.preventDefault();
  });
}
