"""A camera that records while a button is held, which Streamlit does not have: its own takes one picture."""

from typing import Any

import streamlit as st

from cifar_core.datasets.own_bursts import MOST_FRAMES

SIDE = 256  # pixels of a frame: twice what is kept of it
MILLISECONDS = 100  # from frame to frame

HTML = """
<video playsinline muted hidden></video>
<div class="row">
  <button type="button" class="camera">Turn the camera on</button>
  <button type="button" class="record" hidden>Hold to record</button>
  <span role="status"></span>
</div>
"""
CSS = """
video { display: block; width: 100%; max-width: 320px; aspect-ratio: 1; object-fit: cover;
  transform: scaleX(-1); border-radius: var(--st-base-radius); margin-bottom: 0.5rem; }
[hidden] { display: none; }
.row { display: flex; flex-wrap: wrap; align-items: center; gap: 0.75rem; }
button { font: inherit; color: var(--st-text-color); background: none; cursor: pointer;
  padding: 0.4rem 0.8rem; border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
  touch-action: none; user-select: none; -webkit-user-select: none; }
button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
.record.on { background: var(--st-primary-color); color: white; }
span { color: var(--st-text-color); }
"""
JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const find = (name) => parentElement.querySelector(name)
  const [video, camera, record, says] = ["video", ".camera", ".record", "span"].map(find)
  const state = (video.state ??= { frames: [], timer: null })

  const show = (on) => {
    video.hidden = record.hidden = !on
    camera.textContent = on ? "Turn it off" : "Turn the camera on"
  }
  const off = () => {
    video.srcObject?.getTracks().forEach((track) => track.stop())
    video.srcObject = null
    show(false)
  }
  camera.onclick = async () => {
    if (video.srcObject) return off()
    says.textContent = ""
    if (!navigator.mediaDevices) {
      says.textContent = "The browser lends no camera to this page: open it as localhost, or by https."
      return
    }
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } })
      await video.play()
      show(true)
    } catch (error) {
      off()
      says.textContent = "The camera cannot be used: allow it for this page, or plug one in."
    }
  }

  const take = () => {
    if (state.frames.length >= data.most) return stop()
    const cut = Math.min(video.videoWidth, video.videoHeight)
    if (!cut) return
    const canvas = document.createElement("canvas")
    canvas.width = canvas.height = data.side
    const left = (video.videoWidth - cut) / 2, top = (video.videoHeight - cut) / 2
    canvas.getContext("2d").drawImage(video, left, top, cut, cut, 0, 0, data.side, data.side)
    state.frames.push(canvas.toDataURL("image/jpeg", 0.9))
    says.textContent = String(state.frames.length)
  }
  const start = () => {
    if (state.timer) return
    state.frames = []
    record.classList.add("on")
    take()
    state.timer = setInterval(take, data.milliseconds)
  }
  const stop = () => {
    if (!state.timer) return
    clearInterval(state.timer)
    state.timer = null
    record.classList.remove("on")
    says.textContent = ""
    setTriggerValue("burst", state.frames)
    state.frames = []
  }
  record.onpointerdown = (event) => { record.setPointerCapture(event.pointerId); start() }
  record.onpointerup = record.onpointercancel = record.onblur = stop
  record.oncontextmenu = (event) => event.preventDefault()
  const isKey = (event) => event.key === " " || event.key === "Enter"
  record.onkeydown = (event) => { if (isKey(event)) { event.preventDefault(); start() } }
  record.onkeyup = (event) => { if (isKey(event)) stop() }

  return () => setTimeout(() => { if (!video.isConnected) { clearInterval(state.timer); off() } })
}
"""

_RECORDER = st.components.v2.component("recorder", html=HTML, css=CSS, js=JS)


def record(key: str) -> Any:
    """Draw a camera with a button that records while it is held; return what came, once, None mostly.

    What came is a list of JPEG files as addresses, if a browser sent it, or whatever somebody else did:
    `own_bursts.burst` looks at it.
    """
    return _RECORDER(
        key=key,
        data={"most": MOST_FRAMES, "side": SIDE, "milliseconds": MILLISECONDS},
        on_burst_change=lambda: None,
        height="content",
    ).burst
