// A square on a picture: the pointer drags it or one of its corners, the keys of the arrows, + and - do the same.
// Everything is in shares of the picture, as `crop.Square` is, so that it means the same at every size.

const STEP = 0.02 // of the picture, a press of a key
const STILL = 300 // milliseconds after the last key, when the square is sent

export default function ({ data, parentElement, setTriggerValue }) {
  const frame = parentElement.querySelector(".frame")
  const picture = frame.querySelector("img")
  const square = frame.querySelector(".square")
  const said = parentElement.querySelector("output")
  const state = (frame.state ??= { at: null, held: null, timer: 0 }) // this runs anew with all that Python sends

  const width = () => picture.naturalWidth
  const height = () => picture.naturalHeight
  const across = (side) => (side * Math.min(width(), height())) / width() // of a side: its share of the width
  const down = (side) => (side * Math.min(width(), height())) / height()
  const within = (value, least, most) => Math.min(Math.max(value, least), Math.max(least, most))

  function put({ left, top, side }) {
    side = within(side, data.least, 1)
    state.at = { side, left: within(left, 0, 1 - across(side)), top: within(top, 0, 1 - down(side)) }
    const percent = (share) => `${100 * share}%`
    square.style.left = percent(state.at.left)
    square.style.top = percent(state.at.top)
    square.style.width = percent(across(side))
    square.style.height = percent(down(side))
  }

  function adopt() {
    if (!width() || state.held || state.timer) return // the visitor's hand comes first
    frame.style.aspectRatio = width() / height()
    picture.style.imageRendering = width() < 64 ? "pixelated" : "auto"
    frame.style.setProperty("--aspect", width() / height())
    const [left, top, side] = data.square ?? [(1 - across(1)) / 2, (1 - down(1)) / 2, 1]
    put({ left, top, side })
    square.hidden = false
  }

  function send() {
    clearTimeout(state.timer)
    state.timer = 0
    const { left, top, side } = state.at
    const words = [left, top, side].map((share) => `${Math.round(100 * share)} %`)
    said.textContent = `${words[0]} from the left, ${words[1]} from the top, size ${words[2]}`
    setTriggerValue("moved", [left, top, side])
  }

  // With a corner goes what is across from it: that corner stays where it is.
  function resized({ left, top, side }, corner, right, low) {
    const [east, south] = [corner.includes("e"), corner.includes("s")]
    const still = { x: east ? left : left + across(side), y: south ? top : top + down(side) }
    const room = Math.min((east ? 1 - still.x : still.x) / across(1), (south ? 1 - still.y : still.y) / down(1))
    const more = Math.max((east ? right : -right) / across(1), (south ? low : -low) / down(1))
    side = within(side + more, data.least, Math.min(room, 1))
    return { side, left: east ? still.x : still.x - across(side), top: south ? still.y : still.y - down(side) }
  }

  square.onpointerdown = (event) => {
    if (event.button || !state.at) return
    event.preventDefault() // or a browser would drag the picture away
    square.focus({ preventScroll: true })
    square.setPointerCapture(event.pointerId)
    state.held = { x: event.clientX, y: event.clientY, from: state.at, corner: event.target.dataset.corner }
  }
  square.onpointermove = (event) => {
    if (!state.held) return
    const { x, y, from, corner } = state.held
    const [right, low] = [(event.clientX - x) / frame.clientWidth, (event.clientY - y) / frame.clientHeight]
    put(corner ? resized(from, corner, right, low) : { ...from, left: from.left + right, top: from.top + low })
  }
  square.onpointerup = square.onpointercancel = () => {
    if (!state.held) return
    const { left, top, side } = state.held.from
    state.held = null
    if (left !== state.at.left || top !== state.at.top || side !== state.at.side) send()
  }
  square.onkeydown = (event) => {
    const far = event.shiftKey ? 5 * STEP : STEP
    const moves = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }
    const grows = { "+": far, "=": far, "-": -far, "_": -far }[event.key]
    if (!state.at || event.ctrlKey || event.metaKey || event.altKey) return
    if (!(event.key in moves) && !grows) return
    event.preventDefault() // or the page would scroll
    event.stopPropagation()
    const { left, top, side } = state.at
    if (grows) {
      const larger = within(side + grows, data.least, 1) - side
      put({ side: side + larger, left: left - across(larger) / 2, top: top - down(larger) / 2 })
    } else {
      put({ side, left: left + moves[event.key][0], top: top + moves[event.key][1] })
    }
    clearTimeout(state.timer)
    state.timer = setTimeout(send, STILL)
  }
  square.onblur = () => state.timer && send()

  picture.alt = data.alt
  picture.onload = adopt
  if (picture.src !== data.address) picture.src = data.address
  else adopt()
  return () => clearTimeout(state.timer)
}
