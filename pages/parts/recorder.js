// Frames of the camera while a button is held, all sent when it is let go.

export default function ({ data, parentElement, setTriggerValue }) {
  const record = parentElement.querySelector(".record")
  const { video, says, off, frame } = cameraOf(parentElement, (on) => { record.hidden = !on })
  const state = (video.state ??= { frames: [], timer: null }) // this runs anew with all that Python sends

  const take = () => {
    if (state.frames.length >= data.most) return stop()
    const address = frame(data.side)
    if (!address) return
    state.frames.push(address)
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
