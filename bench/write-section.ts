const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

/** The page with its marked section replaced. Throws for a page that has none. */
export function writeSection(page: string, content: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) {
    throw new Error(`the page has no section between ${BEGIN} and ${END}`);
  }
  return `${page.slice(0, begin + BEGIN.length)}\n\n${content}\n\n${page.slice(end)}`;
}
