import { renderMermaidSVG } from 'beautiful-mermaid';

/** Follows the reader's choice of light or dark. */
const COLOURS = {
  bg: 'light-dark(#ffffff, #0d1117)',
  fg: 'light-dark(#27272a, #e6edf3)',
  accent: 'light-dark(#b3261e, #ff8a80)',
  muted: 'light-dark(#52525b, #b0b8c1)',
  line: 'light-dark(#71717a, #8b949e)',
};

/** Fonts of the reader's system, because an image may not load any. None is wider than the one that the renderer measures with. */
const FONTS = "Helvetica Neue', Arial, 'Liberation Sans";

/** Replaces the import of a font. Keeps labels legible where they cross a line. */
const STYLE = `  :root { color-scheme: light dark; }
  text { paint-order: stroke; stroke: var(--bg); stroke-width: 3px; stroke-linejoin: round; }
`;

/**
 * Draws a Mermaid diagram as SVG.
 *
 * @param mermaid begins with a comment that is the title, such as `%% The life of a job`
 */
export function renderDiagram(mermaid: string): string {
  const [title = '', ...lines] = mermaid.split('\n');
  const svg = renderMermaidSVG(lines.join('\n'), { ...COLOURS, font: FONTS, padding: 16 });
  return `${svg
    .replace('<style>', `<title>${title.replace('%% ', '')}</title>\n<style>`)
    .replace(/ *@import .*\n/, STYLE)
    .trimEnd()}\n`;
}
