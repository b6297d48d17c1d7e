"""Headless Chromium with a trap: whatever runs, loads from elsewhere or leaves its place in a page says its number.

Contents are shown at the facility's own address, so that they have as much power as they could ever get, in documents without
a Content-Security-Policy. What may be asked for is a page of ours or an attachment; every other request is refused and
counts as fired.
"""

import http.server
import re
import threading

from playwright.sync_api import Error, sync_playwright

CHROMIUM = "/usr/bin/chromium"
GUARD_MILLISECONDS = 60_000
ATTACHMENT = re.compile(r"/resource/([^/?]+/file/download\?resourceId=|file/)[0-9a-f]{24}$|^/logbook/app(/|$)")
# In every document, before anything else in it; one of another origin can only send a message.
TRAP = """
window.trap = number => {
    try { top.fired.push(Number(number)) } catch { top.postMessage({trap: Number(number)}, '*') }
}
for (const name of ['alert', 'confirm', 'prompt', 'print', 'msgbox'])
    window[name] = text => trap(/[0-9]+/.exec(text)?.[0] ?? -1)
"""
PAGE = "<!doctype html><meta charset=utf-8><title>shown</title><body>"
STAGE = PAGE + """<script>
window.fired = []
addEventListener('message', event => event.data?.trap !== undefined && fired.push(event.data.trap))
const until = async (state, guard) => {
    for (const end = performance.now() + guard; !state();) {
        if (performance.now() > end) return false
        await new Promise(resolve => setTimeout(resolve, 4))
    }
    return true
}
// What has no business in an entry, whether it fires or not.
const FOREIGN = 'script,style,link,meta,base,iframe,frame,frameset,object,embed,applet,form,input,button,select,textarea,'
    + 'svg,svg *,template,noscript,video,audio,source,track,portal,annotation-xml,maction,mglyph,dialog,marquee,body body,'
    + 'html html,plaintext,xmp,title,[style],[id],[name],[class],[srcset],[srcdoc],[background],[ping],[is],[slot],[tabindex],'
    + '[autofocus],[contenteditable],[accesskey],[target],[formaction],[action]'
const OWN = /^\\/resource\\/file\\/[0-9a-f]{24}$|^\\/resource\\/[^/]+\\/file\\/download$|^\\/logbook\\/app\\/file\\/[0-9a-f]{24}$/
// A form's own names may hide its methods.
const names = element => Element.prototype.getAttributeNames.call(element)
function breaches(root) {
    const found = []
    for (const element of root.querySelectorAll('*')) {
        if (Element.prototype.matches.call(element, FOREIGN)) found.push(`<${element.localName} ${names(element)}>`.slice(0, 200))
        for (const name of names(element)) {
            const value = Element.prototype.getAttribute.call(element, name)
            const address = /^(href|src|cite|data|action|xlink:href|formaction|poster)$/.test(name) && URL.parse(value, 'http://own/')
            if (/^on/i.test(name) || address && !/^(https?|mailto):$/.test(address.protocol)
                || name == 'src' && address && (address.host != 'own' || !OWN.test(address.pathname)))
                found.push(`${element.localName} ${name}=${value}`.slice(0, 200))
        }
    }
    return found
}
// The kinds of elements of a page outside of its contents, and what is wrong within these.
function misplaced(html) {
    const page = new DOMParser().parseFromString(html, 'text/html'), found = []
    const texts = [...page.querySelectorAll('.text')].filter(text => !text.parentElement.closest('.text'))
    for (const text of texts) found.push(...breaches(text)), text.replaceChildren()
    const kinds = new Set()
    for (const element of page.querySelectorAll('*')) {
        kinds.add(`<${element.localName} ${names(element)}>`)
        for (const name of ['href', 'src', 'action']) {
            const address = element.hasAttribute(name) && URL.parse(element.getAttribute(name), 'http://own/')
            if (address && !element.getAttribute(name).startsWith('#') && (address.host != 'own' || !address.pathname.startsWith('/logbook/app'))) found.push(`${name}=${address}`.slice(0, 200))
        }
    }
    return [[...kinds], found]
}
// What a click does something to.
const ACTIVE = 'a,area,button,input,summary,label,option,select,[href],[ping]'
// What a person may do to each element; links to other pages are not followed.
function touch(root, view) {
    root.addEventListener('click', event => {
        const link = event.target.closest?.('a[href],area[href]')
        if (link && /^(https?|mailto|ftp):$/.test(link.protocol) && !link.hasAttribute('ping')) event.preventDefault()
    })
    for (const element of root.querySelectorAll('*')) {
        const own = names(element).filter(name => /^on/i.test(name)).map(name => name.slice(2))
        // Some handlers of the body are the window's.
        if (/^(body|frameset)$/.test(element.localName)) for (const name of own) view.dispatchEvent(new Event(name))
        for (const name of own) EventTarget.prototype.dispatchEvent.call(element, new Event(name, {bubbles: true}))
        const {focus, blur} = element instanceof view.HTMLElement ? HTMLElement.prototype : SVGElement.prototype
        if (own.some(name => /^(focus|blur)/i.test(name))) focus.call(element, {preventScroll: true}), blur.call(element)
        if (own.length || Element.prototype.matches.call(element, ACTIVE))
            EventTarget.prototype.dispatchEvent.call(element, new MouseEvent('click', {bubbles: true, cancelable: true}))
    }
}
// These fire in many ways, after everything before them was given the same time; they say that the trap is set.
const CANARIES = ['<img src=x: onerror=trap(-10)>', '<svg><animate onbegin=trap(-11) attributeName=x dur=1s>',
    '<details open ontoggle=trap(-12)>', '<video><source src=x: onerror=trap(-13)></video>', '<a href=javascript:trap(-14)>w</a>',
    '<style>@keyframes k{}</style><b style=animation-name:k onanimationstart=trap(-15)>', '<b onmouseover=trap(-16)>w</b>',
    '<iframe srcdoc="<img src=x: onerror=trap(-17)>"></iframe>', '<img src=/fired/-18>']
const canaries = new Set()
const frames = []
function frame(n) {
    frames[n] = frames[n]?.isConnected ? frames[n] : document.body.appendChild(document.createElement('iframe'))
    return frames[n].contentWindow
}
function reparsed(html) {
    const inner = document.implementation.createHTMLDocument('').body
    inner.innerHTML = html
    return [inner.innerHTML, new DOMParser().parseFromString(html, 'text/html').body.innerHTML]
}
const WAYS = {
    // As pages put a content into an element.
    element(document, html) { document.body.innerHTML = html },
    // As the only thing in a document.
    document(document, html) { document.write(html) },
    // As a whole page of ours, but for its script.
    page(document, html) { document.write(html.replace(/<script src="\\/logbook\\/app\\/assets\\/app.js" defer><\\/script>/, '')) },
    // As the second of three: nothing may swallow the one behind it.
    raw(document, html) { document.write(html) },
    article(document, html) {
        document.write(`<main><article>before</article><article>${html}</article><article>after</article></main>`)
    },
}
// Shows contents, each in a document of its own; answers with what is wrong with them.
async function show(way, items, strict) {
    canaries.clear()
    const wrong = []
    const all = [...items, ...CANARIES.map((html, n) => [-10 - n, html])]
    all.forEach(([number, html], n) => {
        const view = frame(n)
        view.document.open()
        if (!view.trap) view.trap = trap
        if (way == 'element') view.document.write('<!doctype html><body>'), view.document.close()
        WAYS[way](view.document, html)
        if (way != 'element') view.document.close()
    })
    // Loads have ended; raw contents may have some that never do.
    await until(() => all.every((_, n) => frames[n].contentDocument?.readyState != 'loading'), strict ? 30000 : 300)
    all.forEach(([number, html], n) => {
        const {contentDocument: document, contentWindow: view} = frames[n]
        if (!document?.body) return
        if (strict && number > 0) for (const text of breaches(document.body)) wrong.push([number, text])
        if (strict && way == 'article') {
            const articles = document.querySelectorAll('main > article')
            if (articles.length != 3 || articles[2].textContent != 'after') wrong.push([number, 'does not stay in its place'])
        }
        if (view[`victim${number}`] !== undefined) trap(number)
        // The page's own buttons do what they say.
        const roots = way == 'page' && number > 0 ? document.querySelectorAll('article, .rich') : [document.body]
        for (const root of roots) touch(root, view)
    })
    const seen = () => fired.filter(number => number < 0).forEach(number => canaries.add(number))
    const ready = await until(() => (seen(), canaries.size >= CANARIES.length - 1), 30000)
    if (!ready) wrong.push([0, 'the trap is not set: ' + [...canaries]])
    const numbers = [...new Set(fired.filter(number => number >= 0))]
    fired.length = 0
    // Documents that were left to others are made anew.
    if (!strict) while (frames.length) frames.pop().remove()
    return {wrong, fired: numbers}
}
</script>"""


def serve_page(page):
    """Serves one page at every address of an origin of its own, as a portal does; the origin."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def launch_chromium(driver, *arguments):
    """Debian's Chromium, as root too and with little shared memory."""
    return driver.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", *arguments]
    )


class Browser:
    """One Chromium; `fired` are the numbers that ran or asked for something, with how."""

    def __init__(self, facility):
        self.facility = facility
        self.fired, self.canaries, self.downloads = {}, set(), []
        self.pages = {"/shown/stage": ("text/html; charset=utf-8", STAGE)}

    def __enter__(self):
        self.driver = sync_playwright().start()
        # Nothing but this machine is there, whatever the routes below let through.
        self.chromium = launch_chromium(self.driver, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        self.context = self.chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
        self.context.set_default_timeout(GUARD_MILLISECONDS)
        return self

    def __exit__(self, *_):
        self.chromium.close()
        self.driver.stop()

    def set_trap(self):
        self.context.add_init_script(TRAP)
        self.context.route("**/*", self.route)
        self.context.on("page", lambda page: page.on("popup", lambda popup: popup.close()))
        return self

    def route(self, route):
        url = route.request.url
        own = url.removeprefix(self.facility.url)
        if own in self.pages:
            kind, body = self.pages[own]
            headers = {"content-type": kind} if kind else {}
            return route.fulfill(status=200, headers=headers, body=body)
        if own != url and route.request.is_navigation_request() and route.request.frame.parent_frame is None:
            return route.continue_()
        if own != url and (ATTACHMENT.search(own) or own in ("/favicon.ico", "/fired/-18")):
            return route.abort() if own.endswith(("ico", "18")) else route.continue_()
        if url.startswith(("data:", "blob:", "about:")):
            return route.continue_()
        number = re.search(r"/(\d{1,6})\b", url.removeprefix("http://127.0.0.1"))
        self.fired.setdefault(int(number[1]) if number else -1, f"asked for {url[:200]}")
        route.abort("aborted")

    def stage(self):
        page = self.context.new_page()
        page.goto(self.facility.url + "/shown/stage")
        return page

    def show(self, page, way, items, strict=True):
        """What fired of (number, html): number → how."""
        self.fired = {}
        answer = page.evaluate("([way, items, strict]) => show(way, items, strict)", [way, items, strict])
        assert not [text for number, text in answer["wrong"] if number == 0], answer["wrong"]
        found = dict(self.fired)
        found |= {number: f"ran as {way}" for number in answer["fired"]}
        for number, text in answer["wrong"]:
            found.setdefault(number, f"as {way}: {text}")
        return found

    def culprit(self, page, way, items, known):
        """One of those that asked for something that has no number."""
        items = [item for item in items if item[0] not in known]
        while len(items) > 1:
            half = items[: len(items) // 2]
            items = half if -1 in self.show(page, way, half) else items[len(half) :]
        return {number: self.show(page, way, items).get(-1, "?") for number, _ in items}

    def tab(self):
        """A page that is its own top."""
        page = self.context.new_page()
        page.add_init_script("window.fired = []")
        page.on("dialog", lambda dialog: (self.fired.setdefault(self.dialogs, "a dialog"), dialog.dismiss()))
        return page

    def open(self, path, number, download=None):
        """What fires when a person opens an address; whether it may be shown or must be saved."""
        self.fired = {}
        page = self.opener = getattr(self, 'opener', None) or self.tab()
        self.dialogs = number
        saved = False
        try:
            page.goto(self.facility.url + path, wait_until="load")
        except Error as e:
            saved = "Download is starting" in e.message
            assert saved or "net::ERR_ABORTED" in e.message, e
        assert download is None or saved == download, path
        fired = {} if saved else {n: f"ran at {path}" for n in page.evaluate("fired")}
        return {n: how for n, how in (self.fired | fired).items()}
