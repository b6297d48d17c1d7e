"""What people write: entries that must come back as they were, and attachments of them that must be shown.

Nothing is normalised but what the documentation says: links get `rel="noopener noreferrer"`, and an image that is an
attachment gets an address that opens it for an hour.
"""

import re

REL = ' rel="noopener noreferrer"'
LONG = "".join(f"<tr><td>{n}</td><td>{n * 1.5} µm</td></tr>" for n in range(300))

DOCUMENTS = {
    "paragraphs": "<p>Beam is back.</p><p>Refill at 14:30,<br>then again.</p>",
    "emphasis": "<p><b>bold</b> <strong>strong</strong> <i>italic</i> <em>stressed</em> <u>underlined</u> <s>struck</s> "
    "<del>gone</del> <ins>new</ins> <mark>marked</mark> <small>small</small> <sub>2</sub> <sup>3</sup> <strike>old</strike></p>",
    "headings": "<h1>1</h1><h2>2</h2><h3>3</h3><h4>4</h4><h5>5</h5><h6>6</h6><hr>",
    "lists": "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><ol start=\"3\"><li>x</li></ol><dl><dt>t</dt><dd>d</dd></dl>",
    "table": "<table><caption>Samples</caption><thead><tr><th scope=\"col\">n</th><th colspan=\"2\">size</th></tr></thead><tbody>"
    "<tr><td rowspan=\"2\">1</td><td>2</td><td>3</td></tr><tr><td>4</td><td>5</td></tr></tbody>"
    "<tfoot><tr><td colspan=\"3\">sum</td></tr></tfoot></table>",
    "columns": "<table><colgroup><col span=\"2\"></colgroup><tbody><tr><td>1</td><td>2</td></tr></tbody></table>",
    "long table": f"<table><tbody>{LONG}</tbody></table>",
    "aligned table": "<table><tbody><tr><td align=\"right\">1.5</td><td align=\"center\">x</td></tr></tbody></table>",
    "links": f'<p><a href="https://www.example.org/a?b=1&amp;c=2#d"{REL}>https</a> <a href="http://example.org/"{REL}>http</a> '
    f'<a href="mailto:ada@example.org?subject=Beam%20time"{REL}>mail</a></p>',
    "relative links": f'<p><a href="/resource/file/FILE"{REL}>file</a> <a href="#below"{REL}>below</a></p>',
    "titles": '<p title="A &quot;quoted&quot; title"><abbr title="Hierarchical Data Format">HDF</abbr></p>',
    "code": "<pre><code>ascan x 0 1 10 .1\n  if a &lt; b &amp;&amp; c &gt; d:\n\tprint(\"x\")\n</code></pre>",
    "keys": "<p><code>ct 1</code> <kbd>Ctrl</kbd> <samp>out</samp> <var>x</var> <tt>old</tt></p>",
    "quotation": "<blockquote>As said.</blockquote><p><q>so</q> <cite>Who</cite></p>",
    "image": '<p><img src="/resource/file/FILE" alt="the detector" width="320" height="240" title="t"></p>',
    "figure": '<figure><img src="/resource/file/FILE" alt="x"><figcaption>Figure 1</figcaption></figure>',
    "folded": "<details><summary>More</summary><p>text</p></details>",
    "blocks": "<div><span>a</span> <section><p>b</p></section> <center>c</center></div>",
    "times": '<p><time datetime="2025-03-02T09:14:05Z">9:14</time> <data value="3">three</data></p>',
    "directions": '<p dir="rtl" lang="ar">مرحبا</p><p><bdi>x</bdi> <bdo dir="rtl">y</bdo> <ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby></p>',
    "letters": "<p>Grüße, ångström Å, 10⁻³, αβγ, 日本語, 👩‍🔬, a&nbsp;b, &lt;tag&gt; &amp; \"quotes\" 'single' – — …</p>",
    "words that look dangerous": "<p>javascript:alert(1), onerror=, &lt;script&gt; and data:image/png are only words here; src=\"x\" too</p>",
    "checked list": "<ul><li>☑ done</li><li>☐ open</li></ul>",
    "colour": '<p><span style="color: red">red</span></p>',
    "marked by colour": '<p><span style="background-color: yellow">yellow</span></p>',
    "alignment": '<p style="text-align: center">centre</p>',
    "list by letters": '<ol type="a"><li>x</li></ol>',
    "numbers of items": '<ol><li value="5">x</li></ol>',
    "table border": '<table border="1"><tbody><tr><td>x</td></tr></tbody></table>',
    "width of a column": '<table><tbody><tr><td width="40">x</td></tr></tbody></table>',
    "fraction": "<math><mfrac><mi>a</mi><mn>2</mn></mfrac></math>",
    "powers": "<math><msup><mi>x</mi><mn>2</mn></msup><mo>+</mo><msub><mi>y</mi><mi>i</mi></msub><mo>=</mo><msubsup><mi>z</mi><mn>0</mn><mn>2</mn></msubsup></math>",
    "roots": "<math><msqrt><mi>x</mi></msqrt><mroot><mi>x</mi><mn>3</mn></mroot></math>",
    "sum": '<math display="block"><munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>'
    "<msub><mi>x</mi><mi>i</mi></msub></math>",
    "matrix": '<math><mrow><mo stretchy="true">(</mo><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr>'
    "<mtr><mtd><mn>0</mn></mtd><mtd><mn>1</mn></mtd></mtr></mtable><mo>)</mo></mrow></math>",
    "accents": "<math><mover><mi>x</mi><mo>¯</mo></mover><munder><mi>lim</mi><mi>n</mi></munder><mtext>for</mtext><mspace></mspace>"
    "<ms>s</ms><mstyle><mi>y</mi></mstyle><merror><mi>e</mi></merror><mpadded><mi>p</mi></mpadded><mphantom><mi>h</mi></mphantom></math>",
    "letters of formulas": '<math><mi mathvariant="normal">d</mi></math>',
    "isotopes": "<math><mmultiscripts><mi>U</mi><mprescripts></mprescripts><mn>92</mn><mn>238</mn></mmultiscripts></math>",
    "fraction without a line": '<math><mfrac linethickness="0"><mi>n</mi><mi>k</mi></mfrac></math>',
    "style of formulas": '<math><mstyle displaystyle="true" scriptlevel="0"><mi>x</mi></mstyle><mspace width="1em"></mspace></math>',
    "accent": '<math><mover accent="true"><mi>x</mi><mo>^</mo></mover><mo fence="true" form="prefix">[</mo></math>',
    "space of formulas": '<math xmlns="http://www.w3.org/1998/Math/MathML"><mi>x</mi></math>',
    "columns of formulas": '<math><mtable columnalign="left"><mtr><mtd columnspan="2"><mi>x</mi></mtd></mtr></mtable></math>',
    "formula and its source": "<math><semantics><mi>x</mi><annotation encoding=\"application/x-tex\">x</annotation></semantics></math>",
    "all together": '<h2>Shift</h2><p><b>Sample</b> <i>A</i></p><table><tbody><tr><td><math><mi>x</mi></math></td><td>'
    f'<img src="/resource/file/FILE" alt=""></td><td><a href="https://example.org/"{REL}>x</a></td></tr></tbody></table>',
    "nothing": "",
    "text alone": "No marks at all",
}  # fmt: skip

# What a logbook may drop, as its documentation says: colours and other styles; and the name of a space that HTML implies.
DROPPED = {"colour", "marked by colour", "alignment", "space of formulas"}


def normalize_addresses(html):
    """The names of attachments in place of the addresses that open them."""
    html = re.sub(r"/resource/[\w-]+\.[\w-]+\.[\w-]+/file/download\?resourceId=([0-9a-f]{24})", r"/resource/file/\1", html)
    return html


def find_changed_documents(read, write, image):
    """Writes every document and compares; `image` is the id of an attachment. What did not survive: name → what came back."""
    lost = {}
    for name, html in DOCUMENTS.items():
        html = html.replace("FILE", image)
        # Also when a page sends back what it was shown, or what it would be after a second cleaning.
        came = normalize_addresses(read(write(html)))
        again = normalize_addresses(read(write(came)))
        assert again == came, (name, came, again)
        if came != html:
            lost[name] = (html, came)
    return lost
