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

/** Whether an expression parses. */
export function isPromql(expr: string): boolean {
  return nodesOf(expr, ({ type }) => type.isError).length === 0;
}

/** The series that an expression asks for. It must hold no Grafana variable but inside of strings and ranges. */
export function selectorsOf(expr: string): readonly Selector[] {
  return named(expr, 'VectorSelector').map((node) => {
    const matrix = node.parent?.name === 'MatrixSelector' ? node.parent : null;
    const body = (matrix ?? node).parent;
    const call = body?.name === 'FunctionCallBody' ? body.parent : null;
    const called = call?.name === 'FunctionCall' ? call.getChild('FunctionIdentifier') : null;
    return {
      metric: textOf(expr, node.getChild('Identifier')) ?? '',
      matchers: (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map(
        (matcher) => ({
          label: textOf(expr, matcher.getChild('LabelName')) ?? '',
          operator: textOf(expr, matcher.getChild('MatchOp')) ?? '',
          value: (textOf(expr, matcher.getChild('StringLiteral')) ?? '').slice(1, -1),
        }),
      ),
      range: textOf(expr, matrix?.getChild('DurationExpr')),
      calledBy: textOf(expr, called),
    };
  });
}

/** Labels in `by`, `on` and their like. */
export function groupingLabelsOf(expr: string): readonly string[] {
  return named(expr, 'GroupingLabels').flatMap((node) =>
    node.getChildren('LabelName').map((label) => textOf(expr, label) ?? ''),
  );
}

function named(expr: string, name: string): readonly SyntaxNode[] {
  return nodesOf(expr, (node) => node.name === name);
}

function nodesOf(expr: string, isWanted: (node: SyntaxNode) => boolean): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  parser.parse(expr).iterate({
    enter({ node }) {
      if (isWanted(node)) found.push(node);
    },
  });
  return found;
}

function textOf(expr: string, node: SyntaxNode | null | undefined): string | undefined {
  return node ? expr.slice(node.from, node.to) : undefined;
}
