/** One instruction of a Dockerfile: continued lines joined, comments dropped. */
export interface DockerInstruction {
  readonly keyword: string;
  readonly value: string;
}

/** One build stage: what it starts from, its name if it has one, and what it does. */
export interface DockerStage {
  readonly image: string;
  readonly name: string | undefined;
  readonly instructions: readonly DockerInstruction[];
}

/** Stages of a Dockerfile in order. Knows what our Dockerfile uses: no heredocs, no `escape` directive. */
export function parseDockerfile(text: string): readonly DockerStage[] {
  const instructions = text
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => {
      const [, keyword = '', value = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      return { keyword: keyword.toUpperCase(), value };
    });
  const starts = instructions.flatMap(({ keyword }, index) => (keyword === 'FROM' ? [index] : []));
  return starts.map((start, index) => {
    const [image = '', , name] = instructions[start]?.value.split(/\s+/) ?? [];
    return { image, name, instructions: instructions.slice(start + 1, starts[index + 1]) };
  });
}

/** Values of every instruction of one kind in a stage. */
export function valuesOf(stage: DockerStage | undefined, keyword: string): readonly string[] {
  return (stage?.instructions ?? [])
    .filter((instruction) => instruction.keyword === keyword)
    .map(({ value }) => value);
}
