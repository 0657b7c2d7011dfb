/** A page of figures and tables in one file, without scripts, readable in light and dark. */

/** Text that is HTML already; everything else is escaped. */
export interface Html {
  readonly html: string;
}

export type Fact = readonly [value: string, meaning: string];

export interface Section {
  readonly title: string;
  readonly parts: readonly Html[];
}

export const raw = (html: string): Html => ({ html });

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

export const paragraph = (text: string): Html => raw(`<p>${escaped(text)}</p>`);

/** To a file beside the page. */
export const link = (file: string, text: string): Html =>
  raw(`<p><a href="${encodeURI(file)}">${escaped(text)}</a></p>`);

/** Plots side by side where there is room. */
export const figures = (svgs: readonly string[]): Html =>
  raw(`<div class="figures">${svgs.map((svg) => `<figure>${svg}</figure>`).join('')}</div>`);

/** The first row is the heading, the first column names. */
export function table(rows: readonly (readonly (string | Html)[])[]): Html {
  const cell = (tag: 'th' | 'td', content: string | Html) =>
    `<${tag}>${typeof content === 'string' ? escaped(content) : content.html}</${tag}>`;
  const [head = [], ...body] = rows;
  return raw(
    `<div class="wide"><table><thead><tr>${head.map((content) => cell('th', content)).join('')}</tr></thead><tbody>` +
      body
        .map(
          ([name = '', ...rest]) => `<tr>${cell('th', name)}${rest.map((c) => cell('td', c)).join('')}</tr>`,
        )
        .join('') +
      '</tbody></table></div>',
  );
}

/** Figures that matter most, in large print. */
export const headline = (facts: readonly Fact[]): Html =>
  raw(
    `<div class="headline">${facts
      .map(([value, meaning]) => `<div><b>${escaped(value)}</b><span>${escaped(meaning)}</span></div>`)
      .join('')}</div>`,
  );

export const folded = (title: string, text: string): Html =>
  raw(`<details><summary>${escaped(title)}</summary><pre>${escaped(text)}</pre></details>`);

export const picture = (png: Uint8Array, caption: string): Html =>
  raw(
    `<figure class="picture"><img alt="${escaped(caption)}" src="data:image/png;base64,${Buffer.from(png).toString('base64')}">` +
      `<figcaption>${escaped(caption)}</figcaption></figure>`,
  );

export function page(title: string, subtitle: string, sections: readonly Section[]): string {
  const body = sections
    .filter(({ parts }) => parts.length > 0)
    .map(
      ({ title: heading, parts }) =>
        `<section><h2>${escaped(heading)}</h2>\n${parts.map(({ html }) => html).join('\n')}\n</section>`,
    );
  return (
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">` +
    `<title>${escaped(title)}</title><style>${STYLE}</style></head>\n<body><main>\n` +
    `<header><h1>${escaped(title)}</h1><p>${escaped(subtitle)}</p></header>\n${body.join('\n')}\n</main></body></html>\n`
  );
}

/** Colours of curves are Okabe and Ito's, brighter in the dark. */
const STYLE = `
:root{--paper:#fff;--ground:#f4f5f7;--ink:#22262d;--faint:#6a717d;--line:#e1e4e9;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#b8598f;--c4:#b97f00;--c5:#3f97cc}
@media(prefers-color-scheme:dark){:root{--paper:#1b1e24;--ground:#121418;--ink:#e4e6ea;--faint:#98a0ac;--line:#30353e;
--c0:#4fb3ea;--c1:#ff8a3d;--c2:#2fc99b;--c3:#e28fbd;--c4:#f0b429;--c5:#8fd0f5}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:24px 16px 48px}
h1{margin:0;font-size:26px}header p{margin:4px 0 20px;color:var(--faint)}
section{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:16px 20px;margin:0 0 16px}
h2{margin:0 0 10px;font-size:17px}p{margin:6px 0;max-width:85ch}
.headline{display:flex;flex-wrap:wrap;gap:12px 36px}.headline b{display:block;font-size:26px;line-height:1.25}
.headline span{color:var(--faint);font-size:13px}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));gap:12px}
figure{margin:0}figure svg{display:block;width:100%;height:auto}
.picture img{max-width:100%;border-radius:6px}figcaption{color:var(--faint);font-size:13px}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:4px 18px 4px 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600}tbody th{font-weight:400;color:var(--faint)}
pre{overflow-x:auto;font-size:12.5px}summary{cursor:pointer;color:var(--faint)}
svg.ink{fill:var(--ink)}svg .paper{fill:none}svg .grid{stroke:var(--line)}svg .axis{stroke:var(--faint)}
${[0, 1, 2, 3, 4, 5].map((i) => `.curve${i}{stroke:var(--c${i})}.area${i}{fill:var(--c${i})}`).join('')}
.poses{display:flex;flex-wrap:wrap;gap:3px;margin:8px 0}.poses i{width:13px;height:13px;border-radius:3px}
.both{background:var(--c2);opacity:.45}.won{background:var(--c0)}.lost{background:var(--c1)}.neither{background:var(--faint);opacity:.45}
.key i{display:inline-block;width:11px;height:11px;border-radius:3px;margin:0 5px 0 14px}.key i:first-child{margin-left:0}
`;
