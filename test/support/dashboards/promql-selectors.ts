import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

export interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

/** One selector of an expression. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
  /** The range behind it, as `1m`; undefined for an instant. */
  readonly range: string | undefined;
  /** The function it is the argument of. */
  readonly calledBy: string | undefined;
}

/** The series that an expression asks for. It must hold no Grafana variable but inside of strings and ranges. */
export function selectorsOf(expr: string): readonly Selector[] {
  return nodesOf(expr, 'VectorSelector').map((node) => {
    const matrix = node.parent?.name === 'MatrixSelector' ? node.parent : undefined;
    const body = (matrix ?? node).parent;
    const call = body?.name === 'FunctionCallBody' ? body.parent : null;
    const range = matrix?.getChild('DurationExpr') ?? matrix?.lastChild;
    return {
      metric: textOf(expr, node.getChild('Identifier')),
      matchers: (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map(
        (matcher) => ({
          label: textOf(expr, matcher.getChild('LabelName')),
          operator: textOf(expr, matcher.getChild('MatchOp')),
          value: textOf(expr, matcher.getChild('StringLiteral')).slice(1, -1),
        }),
      ),
      range: range === undefined || range === null ? undefined : textOf(expr, range),
      calledBy:
        call?.name === 'FunctionCall'
          ? textOf(expr, call.getChild('FunctionIdentifier'))
          : undefined,
    };
  });
}

/** Labels in `by`, `on` and their like. */
export function groupingLabelsOf(expr: string): readonly string[] {
  return nodesOf(expr, 'GroupingLabels').flatMap((node) =>
    node.getChildren('LabelName').map((label) => textOf(expr, label)),
  );
}

function nodesOf(expr: string, name: string): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  parser.parse(expr).iterate({
    enter: ({ node }) => {
      if (node.name === name) found.push(node);
    },
  });
  return found;
}

function textOf(expr: string, node: SyntaxNode | null): string {
  return node === null ? '' : expr.slice(node.from, node.to);
}
