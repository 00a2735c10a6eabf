// What Ctrl K opens: one field over everything there is. Fetched when it is first asked for.
const dialog = document.querySelector('#palette')
const form = dialog.querySelector('form'), field = form.elements.q, found = dialog.querySelector('#found')
let wait, flight, shown

async function ask() {
  flight?.abort()
  flight = new AbortController()
  const words = field.value.trim()
  try {
    const address = `${form.action}?${new URLSearchParams({ q: words })}`
    const response = await fetch(address, { headers: { 'X-Partial': 'palette' }, signal: flight.signal })
    if (!response.ok || response.redirected) return location.assign(address)
    found.innerHTML = await response.text()
    shown = words
    choose(found.querySelector('.hit'))
  } catch (fault) {
    if (fault.name !== 'AbortError') location.assign(form.action)
  }
}

function choose(hit) {
  found.querySelector('[aria-selected="true"]')?.setAttribute('aria-selected', 'false')
  hit?.setAttribute('aria-selected', 'true')
  hit?.scrollIntoView({ block: 'nearest' })
  if (hit) field.setAttribute('aria-activedescendant', hit.id)
  else field.removeAttribute('aria-activedescendant')
}

function step(by) {
  const hits = [...found.querySelectorAll('.hit')]
  const at = hits.findIndex((hit) => hit.getAttribute('aria-selected') === 'true')
  choose(hits[(at + by + hits.length) % hits.length])
}

field.addEventListener('input', () => {
  clearTimeout(wait)
  wait = setTimeout(ask, 120)
})
field.addEventListener('keydown', (event) => {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  event.preventDefault()
  step(event.key === 'ArrowDown' ? 1 : -1)
})
form.addEventListener('submit', async (event) => {
  event.preventDefault()
  clearTimeout(wait)
  if (shown !== field.value.trim()) await ask() // typed faster than it was looked for
  const hit = found.querySelector('[aria-selected="true"]')
  location.assign(hit ? hit.href : `${form.action}?${new URLSearchParams({ q: field.value })}`)
})
dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close() })

export function open() {
  if (dialog.open) return dialog.close()
  document.querySelector('#side')?.matches(':popover-open') && document.querySelector('#side').hidePopover()
  dialog.showModal()
  field.select()
  ask()
}
