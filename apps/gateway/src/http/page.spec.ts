import { describe, expect, it } from '@jest/globals';
import { html, isForEyes, page } from './page.js';

describe('a page', () => {
  it('escapes what it is given, in text and in attributes', () => {
    const nasty = `<script>alert("1")</script>&'`;
    expect(html`<p title="${nasty}">${nasty}</p>`.text).not.toMatch(/<script|alert\("/);
    expect(page(nasty, html`<b>${nasty}</b>`)).not.toContain('<script');
  });

  it('takes pieces as they are', () => {
    expect(html`<ul>${html`<li>${'a&b'}</li>`}</ul>`.text).toBe('<ul><li>a&amp;b</li></ul>');
  });

  it('is for those who ask for HTML', () => {
    expect(isForEyes('text/html,application/xhtml+xml,*/*;q=0.8')).toBe(true);
    for (const accept of [undefined, '', '*/*', 'application/json']) expect(isForEyes(accept)).toBe(false);
  });
});
