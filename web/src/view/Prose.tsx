/* Text of a model: paragraphs, lists, **bold** and `code`; everything else stays as it is written, and nothing becomes HTML. */
function spans(text: string) {
  return text.split(/(\*\*[^*\n]+\*\*|`[^`\n]+`)/).map((part, at) =>
    part.startsWith("**") && part.length > 4 ? <b key={at}>{part.slice(2, -2)}</b>
    : part.startsWith("`") && part.length > 2 ? <code key={at}>{part.slice(1, -1)}</code>
    : part);
}

function block(text: string, at: number) {
  const lines = text.split("\n");
  if (lines.every((line) => /^\s*(?:[-*]|\d+[.)])\s/.test(line)))
    return <ul key={at}>{lines.map((line, n) => <li key={n}>{spans(line.replace(/^\s*(?:[-*]|\d+[.)])\s+/, ""))}</li>)}</ul>;
  return <p key={at}>{spans(text)}</p>;
}

export function Prose({ text }: { text: string }) {
  return <div class="prose">{text.split(/\n{2,}/).filter((part) => part.trim()).map(block)}</div>;
}
