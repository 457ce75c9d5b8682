/** A table in Markdown: the first column to the left, figures to the right. */
export function table(head, lines) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '--:'))), ...lines.map(line)].join('\n');
}

export const digits = (value, count) => (Number.isFinite(value) ? value.toFixed(count) : '–');
