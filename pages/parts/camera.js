// What every component with a camera shares: the button that turns it on and off, and a frame of it.

function cameraOf(parentElement, shown) {
  const find = (name) => parentElement.querySelector(name)
  const [video, button, says] = ["video", ".camera", "[role=status]"].map(find)

  const show = (on) => {
    video.hidden = !on
    button.textContent = on ? "Turn it off" : "Turn the camera on"
    shown(on)
  }
  const off = () => {
    video.srcObject?.getTracks().forEach((track) => track.stop())
    video.srcObject = null
    show(false)
  }
  button.onclick = async () => {
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

  // The middle of what the camera sees, as the address of a JPEG file; null before there is a picture.
  const frame = (side) => {
    const cut = Math.min(video.videoWidth, video.videoHeight)
    if (!cut || !video.srcObject) return null
    const canvas = document.createElement("canvas")
    canvas.width = canvas.height = side
    const left = (video.videoWidth - cut) / 2, top = (video.videoHeight - cut) / 2
    canvas.getContext("2d").drawImage(video, left, top, cut, cut, 0, 0, side, side)
    return canvas.toDataURL("image/jpeg", 0.9)
  }
  return { video, says, off, frame }
}
