import { createHash } from 'node:crypto';

/** Text already safe to stand in a page. */
export class Html {
  constructor(readonly text: string) {}
}

/** A template whose values are escaped, unless they are pieces of a page themselves. */
export function html(parts: TemplateStringsArray, ...values: readonly (string | Html)[]): Html {
  return new Html(
    String.raw({ raw: parts }, ...values.map((value) => (value instanceof Html ? value.text : escaped(value)))),
  );
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

const style =
  ':root{color-scheme:light dark}body{font:1.125rem/1.6 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:2rem 1rem}' +
  'h1{font-size:1.5rem;line-height:1.25}dt{font-weight:600}dd{margin:0 0 .75rem}dd,bdi,code,h1{overflow-wrap:anywhere}' +
  'form,.actions{margin:1.5rem 0}.actions{display:flex;flex-wrap:wrap;gap:.75rem}.actions form{margin:0;max-width:100%}' +
  'button,.button{display:inline-block;box-sizing:border-box;max-width:100%;font:inherit;padding:.6rem 1.25rem;border:1px solid currentColor;' +
  'border-radius:.4rem;background:none;color:inherit;text-decoration:none;text-align:center;cursor:pointer}' +
  'button.main{background:CanvasText;color:Canvas;border-color:CanvasText}' +
  ':focus-visible{outline:3px solid Highlight;outline-offset:3px}';

/** The only style any page of ours may have, as a Content-Security-Policy names it. */
export const styleSource = `'sha256-${createHash('sha256').update(style).digest('base64')}'`;

/** A whole page: plain, readable on a phone, without scripts. */
export function page(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`.text;
}

/** Whether somebody looks at the answer: browsers ask for HTML when they navigate, programs do not. */
export function isForEyes(accept: string | undefined): boolean {
  return accept?.includes('text/html') ?? false;
}

/** The fields of a form that nobody sees. */
export function hidden(fields: Readonly<Record<string, string>>): Html {
  const inputs = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`.text,
  );
  return new Html(inputs.join('\n'));
}
