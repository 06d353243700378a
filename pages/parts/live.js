// The camera, and what a model says of it: a frame goes out when the answer to the last one is here.

const EASE = 50 // milliseconds between an answer and the next frame
const PATIENCE = 5000 // without an answer, as where a connection was lost, another frame goes out

export default function ({ data, parentElement, setTriggerValue }) {
  const [verdict, hint, bars] = [".verdict", ".hint", ".bars"].map((name) => parentElement.querySelector(name))
  const { video, says, off, frame } = cameraOf(parentElement, (on) => {
    if (!on) {
      clearTimeout(state.timer)
      verdict.textContent = hint.textContent = "\u00a0"
      bars.replaceChildren()
      says.textContent = ""
    } else send()
  })
  // This runs anew with all that Python sends.
  const state = (video.state ??= { asked: 0, answered: 0, since: 0, timer: 0 })

  function send() {
    clearTimeout(state.timer)
    if (!video.srcObject || !video.isConnected) return
    const address = frame(data.side)
    if (address) {
      if (!state.since) [state.since, state.answered] = [performance.now(), 0]
      setTriggerValue("frame", [++state.asked, address])
    }
    state.timer = setTimeout(send, address ? PATIENCE : EASE)
  }

  function draw({ verdict: words, hint: more, bars: rows }) {
    verdict.textContent = words
    hint.textContent = more || "\u00a0"
    const element = (name, text) => Object.assign(document.createElement(name), { textContent: text })
    bars.replaceChildren(...rows.map(({ name, share, text }) => {
      const bar = element("div", "")
      bar.className = "bar"
      const fill = element("i", "")
      fill.style.width = `${100 * share}%`
      bar.append(fill, element("span", name), element("span", text))
      return bar
    }))
    state.answered += 1
    const seconds = (performance.now() - state.since) / 1000
    if (seconds > 2) {
      says.textContent = `${(state.answered / seconds).toFixed(1)} answers a second`
      ;[state.since, state.answered] = [performance.now(), 0]
    }
  }

  if (data.answer && data.answer.number === state.asked && video.srcObject) {
    draw(data.answer)
    clearTimeout(state.timer)
    state.timer = setTimeout(send, EASE)
  }
  return () => setTimeout(() => { if (!video.isConnected) { clearTimeout(state.timer); off() } })
}
