// The whole client side. Every page works without it, but for live progress.
const $ = (selector, within = document) => within.querySelector(selector)
const root = document.documentElement

function toast(text) {
  const box = $('#toasts')
  const item = Object.assign(document.createElement('div'), { className: 'toast', textContent: text })
  if (box.matches(':popover-open')) box.hidePopover() // shown anew: above any dialog that is open
  box.showPopover()
  box.append(item)
  setTimeout(() => { item.remove(); if (!box.children.length) box.hidePopover() }, 2600)
}

async function copy(button) {
  const text = button.dataset.copy || $(button.dataset.from).innerText
  try { await navigator.clipboard.writeText(text) } catch { return toast('Copying is blocked here. Select the text and press Ctrl C.') }
  const use = $('use', button), before = use?.getAttribute('href')
  use?.setAttribute('href', before.replace(/#.*/, '#check'))
  toast('Copied')
  setTimeout(() => use?.setAttribute('href', before), 1600)
}

function switchTheme(button) {
  const dark = getComputedStyle(root).colorScheme === 'dark'
    || (!root.dataset.theme && matchMedia('(prefers-color-scheme: dark)').matches)
  const next = root.dataset.theme = dark ? 'light' : 'dark'
  const home = $('.brand').getAttribute('href').replace(/\/-\/.*$/, '') || '/'
  document.cookie = `packistry_theme=${next}; path=${home}; max-age=31536000; samesite=lax`
  button.value = dark ? 'dark' : 'light'
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-copy], [data-theme-toggle], [data-open]')
  if (!button) return
  event.preventDefault()
  if ('copy' in button.dataset) copy(button)
  else if ('themeToggle' in button.dataset) switchTheme(button)
  else $(button.dataset.open).showModal()
})

// Links and forms inside [data-region] replace that region only. Anything unforeseen becomes an ordinary page.
let flight
async function swap(region, address) {
  flight?.abort()
  flight = new AbortController()
  region.setAttribute('aria-busy', 'true')
  const focused = region.contains(document.activeElement) ? document.activeElement : null
  const key = focused?.dataset.key, target = focused?.getAttribute('href')
  const same = key ? `[data-key="${CSS.escape(key)}"]` : target && `[href="${CSS.escape(target)}"]`
  try {
    const response = await fetch(address, { headers: { 'X-Partial': region.dataset.region }, signal: flight.signal })
    if (!response.ok || response.redirected) return location.assign(address)
    region.innerHTML = await response.text()
    history.replaceState(null, '', address)
    const again = same && region.querySelector(same)
    if (again) { again.focus(); again.setSelectionRange?.(again.value.length, again.value.length) }
  } catch (fault) {
    if (fault.name !== 'AbortError') location.assign(address)
  } finally {
    region.removeAttribute('aria-busy')
  }
}
document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-region] a[data-swap]')
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return
  event.preventDefault()
  swap(link.closest('[data-region]'), link.href)
})
const addressOf = (form) => `${form.action}?${new URLSearchParams([...new FormData(form)].filter(([, value]) => value))}`
let wait
document.addEventListener('input', (event) => {
  const form = event.target.closest('[data-region] form[data-live]')
  if (!form) return
  clearTimeout(wait)
  wait = setTimeout(() => swap(form.closest('[data-region]'), addressOf(form)), 180)
})
document.addEventListener('submit', (event) => {
  const form = event.target.closest('[data-region] form[data-live]')
  if (!form) return
  event.preventDefault()
  clearTimeout(wait)
  swap(form.closest('[data-region]'), addressOf(form))
})

// Ctrl K, or the field in the sidebar: everything there is, by a few letters. Without a script it is a page.
const finder = $('[data-palette]')
const openPalette = (event) => {
  event.preventDefault()
  import(finder.dataset.palette).then((palette) => palette.open(), () => location.assign(finder.href))
}
finder?.addEventListener('click', (event) => { if (!event.metaKey && !event.ctrlKey && !event.shiftKey) openPalette(event) })
document.addEventListener('keydown', (event) => {
  if (finder && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k') openPalette(event)
})

// The number over the bar of a chart.
for (const plot of document.querySelectorAll('.plot')) {
  const tip = $('.tip', plot)
  plot.addEventListener('pointermove', (event) => {
    const bar = event.target.closest('g')
    tip.hidden = !bar
    if (!bar) return
    const outer = plot.getBoundingClientRect(), inner = bar.getBoundingClientRect()
    tip.textContent = bar.dataset.tip
    const left = inner.left - outer.left + inner.width / 2 - tip.offsetWidth / 2
    tip.style.insetInlineStart = `${Math.max(0, Math.min(left, outer.width - tip.offsetWidth))}px`
  })
  plot.addEventListener('pointerleave', () => { tip.hidden = true })
}

// Work that goes on: told by the server as it happens, else asked for while the region says that it is not over.
function poll(region) {
  const look = async () => {
    if (!$('[data-running]', region)) return
    if (!document.hidden) await swap(region, location.href)
    setTimeout(look, 2000)
  }
  setTimeout(look, 2000)
}
function listen(region) {
  const stream = new EventSource(region.dataset.events)
  let last = Date.now(), failures = 0
  const renew = () => { last = Date.now(); if (!document.hidden) return swap(region, location.href) }
  stream.addEventListener('progress', (event) => {
    failures = 0
    const [run] = JSON.parse(event.data), bar = $('progress', region)
    if (bar && run?.total) Object.assign(bar, { max: run.total, value: run.done })
    if (Date.now() - last > 3000) renew() // the rows below the bar
  })
  stream.addEventListener('finished', () => { stream.close(); swap(region, location.href) })
  stream.addEventListener('error', () => { // it comes back by itself, unless it was refused
    if (stream.readyState !== EventSource.CLOSED && ++failures < 3) return
    stream.close()
    poll(region)
  })
}
for (const region of document.querySelectorAll('[data-region][data-watch]')) {
  if (!$('[data-running]', region)) continue
  if (region.dataset.events && window.EventSource) listen(region)
  else poll(region)
}
