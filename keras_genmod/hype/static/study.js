// A session: consent, blocks of trials, the end. The server says what comes next.

import {Screen, load, measureFrame, present} from "./display.js";

const TOLD_MS = 600;
const MANY_FAILURES = 5;
const WORDS = {
  real: "real", fake: "generated", left: "the left one", right: "the right one",
};
const byId = (id) => document.getElementById(id);
const screen = new Screen(byId("canvas"));
let study, code, frame, failures = 0, wasHidden = false;

document.addEventListener("visibilitychange", () => {
  wasHidden ||= document.hidden;
});

async function ask(path, body) {
  const response = await fetch(path, body === undefined ? {} : {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), {status: response.status});
  return answer;
}

// Sends an answer until the server has it: it keeps each trial once.
async function send(report) {
  for (;;) {
    try {
      return await ask("/api/trial", {code, ...report});
    } catch (error) {
      // Answered already, from another tab or by a reply that got lost.
      if (error.status === 409) return {correct: null, discarded: false, state: null};
      if (error.status) throw error;
      problem("The study's program does not answer. Your answer is kept here and sent again.");
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

function show(name, focus) {
  for (const section of document.querySelectorAll("section")) {
    section.hidden = section.id !== name;
  }
  document.body.dataset.screen = name;
  if (focus) byId(focus).focus({preventScroll: true});
}

function problem(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = !text;
}

function consent() {
  const pairs = study.variant === "pairwise";
  byId("title").textContent = study.title;
  byId("task").textContent = pairs
    ? "You will see pairs of images. One of each pair is real, the other was made by a computer. Say which one is real."
    : "You will see images. Half of them are real, half were made by a computer. Say which is which.";
  const facts = [
    `${study.num_blocks > 1 ? `${study.num_blocks} blocks of ` : ""}${study.num_trials} ${pairs ? "pairs" : "images"}`,
    study.variant === "time"
      ? "Each image is shown for a moment: the better you do, the shorter"
      : "Look as long as you like",
    "Two keys, or two buttons, are all you need",
  ];
  if (study.qualification_trials) {
    facts.unshift(`First ${study.qualification_trials} images without a limit of time, which decide whether you take part in the rest`);
  }
  byId("facts").replaceChildren(...facts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
  byId("flashes").hidden = study.variant !== "time";
  show("consent", "title");
}

// Waits for one of two keys or buttons; returns the answer and when it came.
function choice(answers) {
  const buttons = [byId("left"), byId("right")];
  return new Promise((resolve) => {
    const done = (i, time) => {
      document.removeEventListener("keydown", onKey);
      buttons.forEach((button) => { button.disabled = true; button.onclick = null; });
      resolve({answer: answers[i], time});
    };
    const onKey = (event) => {
      const i = ["ArrowLeft", "ArrowRight"].indexOf(event.key);
      if (i < 0 || event.repeat) return;
      event.preventDefault();
      done(i, performance.now());
    };
    document.addEventListener("keydown", onKey);
    buttons.forEach((button, i) => {
      button.querySelector("span").textContent = capital(WORDS[answers[i]]);
      button.disabled = false;
      button.onclick = () => done(i, performance.now());
    });
    document.body.dataset.screen = "answer";
  });
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

function ready(state) {
  const first = state.position === 0 && state.attempt === 0;
  const trial = state.stage === "qualification";
  byId("ready-where").textContent = state.num_blocks > 1
    ? `Part ${state.block + 1} of ${state.num_blocks}` : "";
  byId("ready-title").textContent = !first ? "Welcome back"
    : trial ? "Can you tell them apart?" : "Ready?";
  byId("ready-text").textContent = (!first
    ? `${state.position} of ${state.num_trials} are done. `
    : trial ? "There is no limit of time. " : "")
    + (state.exposure_ms === null ? "Half are real, half are generated."
      : "Watch the numbers count down: the image follows. Half are real, half are generated.");
  byId("key-left").textContent = WORDS[state.answers[0]];
  byId("key-right").textContent = WORDS[state.answers[1]];
  byId("code").textContent = code;
  show("ready", "go");
  return new Promise((resolve) => { byId("go").onclick = resolve; });
}

// Shows a timed trial; returns what the display made of it.
async function flash(state, images, masks) {
  const countdown = ["3", "2", "1"].map((text) => ({
    draw: () => screen.write(text), ms: study.countdown_ms,
  }));
  const steps = [
    ...countdown,
    {draw: () => screen.draw(images), ms: state.exposure_ms},
    ...masks.map((mask) => ({draw: () => screen.draw([mask]), ms: study.mask_ms})),
    {draw: () => screen.blank(), ms: 1},
  ];
  wasHidden = document.hidden;
  const seen = (await present(steps, frame)).slice(3, 4 + masks.length);
  return {
    shown_ms: seen[0].shown,
    frame_ms: frame,
    dropped: seen.reduce((sum, step) => sum + step.dropped, 0),
    hidden: wasHidden,
  };
}

async function trial(state) {
  const [images, masks] = await Promise.all(
    [state.images, state.masks].map((ids) => Promise.all(ids.map(load))));
  const pair = images.length > 1;
  byId("count").textContent = `${state.position + 1} of ${state.num_trials}`;
  const bar = byId("bar");
  bar.style.width = `${100 * state.position / state.num_trials}%`;
  bar.setAttribute("aria-valuemax", state.num_trials);
  bar.setAttribute("aria-valuenow", state.position);
  byId("question").textContent = "";
  show("trial");
  screen.fit(study, images.length);
  const place = {block: state.block, position: state.position, attempt: state.attempt};
  let times = {};
  if (state.exposure_ms !== null) {
    times = await flash(state, images, masks);
    if (times.dropped || times.hidden) return finish(await send({...place, ...times}));
  } else {
    await present([{draw: () => screen.draw(images), ms: 1}], frame);
  }
  const start = performance.now();
  byId("question").textContent = pair ? "Which one is real?"
    : state.exposure_ms === null ? "Is this image real or generated?"
      : "Was this image real or generated?";
  const {answer, time} = await choice(state.answers);
  byId("told").textContent = "";
  return finish(await send(
    {...place, ...times, answer, reaction_ms: Math.max(0, time - start)}));
}

// Says whether an answer was right; returns what comes next.
async function finish({correct, discarded, state}) {
  problem("");
  failures = discarded ? failures + 1 : 0;
  if (failures >= MANY_FAILURES) {
    problem("This display keeps missing frames. Closing other programs and pages helps.");
  }
  const told = byId("told");
  told.className = correct === null ? "" : correct ? "good" : "bad";
  told.textContent = discarded ? "The display missed a moment: another image follows."
    : correct === null ? "" : correct ? "✓ Right" : "✗ Wrong";
  if (told.textContent) {
    document.body.dataset.screen = "told";
    await present([{draw: () => {}, ms: TOLD_MS}], frame);
    told.textContent = "";
  }
  return state;
}

function end(stage) {
  localStorage.removeItem(key());
  const done = stage === "done";
  byId("end-title").textContent = "Thank you";
  byId("end-text").textContent = done
    ? "That was all. Your answers are kept; you may close this page."
    : "That was the first part, and it decides who goes on: this time it was too hard to tell. Your answers are kept; you may close this page.";
  show("end", "end-title");
}

const key = () => `study ${study.id}`;

async function session() {
  localStorage.setItem(key(), code);
  let state = await ask("/api/state", {code}), block = null;
  while (state.stage === "qualification" || state.stage === "judgement") {
    if (state.block !== block) {
      block = state.block;
      await ready(state);
      show("trial");
      frame = await measureFrame();
    }
    state = await trial(state) ?? await ask("/api/state", {code});
  }
  end(state.stage);
}

async function attempt(action) {
  problem("");
  try {
    await action();
  } catch (error) {
    problem(error.status ? error.message : "The study's program does not answer. Load this page again when it runs.");
  }
}

byId("consent-form").onsubmit = (event) => {
  event.preventDefault();
  attempt(async () => {
    ({code} = await ask("/api/start", {consent: byId("agree").checked}));
    await session();
  });
};
byId("resume-form").onsubmit = (event) => {
  event.preventDefault();
  code = byId("resume-code").value.trim();
  attempt(session);
};
byId("same").onclick = () => attempt(session);
for (const id of ["another", "other"]) {
  byId(id).onclick = () => { byId("agree").checked = false; problem(""); consent(); };
}

attempt(async () => {
  study = await ask("/api/study");
  document.title = study.title;
  document.body.classList.toggle("pairs", study.variant === "pairwise");
  code = localStorage.getItem(key());
  if (code) {
    // Who sits here now may be someone else, who has not agreed.
    try {
      await ask("/api/state", {code});
      return show("again", "again-title");
    } catch (error) {
      if (error.status !== 403) throw error;
      localStorage.removeItem(key());
    }
  }
  consent();
});
