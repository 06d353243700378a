// Asks as soon as a picture is chosen or dropped, and shows it. Without this, the button *Ask* does the asking.
const form = document.querySelector("form");
const preview = form.querySelector("img");
const answer = document.querySelector("#answer");
let asking = new AbortController();

function say(text, kind = "") {
  answer.replaceChildren(Object.assign(document.createElement("p"), { className: kind, textContent: text }));
}

async function ask(event) {
  event.preventDefault();
  asking.abort(); // what was asked before
  asking = new AbortController();
  const { signal } = asking;
  const [picture] = form.picture.files;
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(picture);
  if (picture.size > form.dataset.megabytes * 1024 ** 2) return say(form.dataset.tooLarge, "error");
  say("Asking the model…");
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    answer.replaceChildren(...page.querySelector("#answer").childNodes);
  } catch {
    if (!signal.aborted) say("This website does not answer; check your connection and try again.", "error");
  }
}

function askAbout(files) {
  if (files.length) form.requestSubmit();
}

preview.onload = () => (preview.hidden = false);
preview.onerror = () => (preview.hidden = true);
form.onsubmit = ask;
form.picture.onchange = () => askAbout(form.picture.files);
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  form.picture.files = event.dataTransfer.files;
  askAbout(form.picture.files);
});
document.body.className = "scripted";
