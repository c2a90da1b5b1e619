/** A pattern of the names of all tests but those that have one of these parts in their names, listed by why they are left out. */
export function allTestsBut(senseless: Readonly<Record<string, readonly string[]>>): string {
  return `^(?!.*(${Object.values(senseless).flat().map(literally).join('|')}))`;
}

function literally(name: string): string {
  return name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
