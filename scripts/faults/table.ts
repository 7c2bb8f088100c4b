/** Prints a Markdown table. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  console.log(['', line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n'));
}
