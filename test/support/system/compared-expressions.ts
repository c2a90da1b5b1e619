import { parser } from '@prometheus-io/lezer-promql';

/** Operators that let a sample pass or not. */
const COMPARISONS = ['Eql', 'Neq', 'Lss', 'Lte', 'Gtr', 'Gte'];

/**
 * What an expression compares: both sides of every comparison in it, but for plain numbers. An alert whose side is
 * empty can never fire.
 */
export function comparedExpressions(expression: string): string[] {
  const sides: string[] = [];
  parser.parse(expression).iterate({
    enter({ node }) {
      if (node.type.isError) {
        throw new Error(`not PromQL: ${expression}`);
      }
      // A matcher of labels has the same operators.
      const isOperation = node.name === 'BinaryExpr';
      if (isOperation && COMPARISONS.some((operator) => node.getChild(operator) !== null)) {
        for (const side of [node.firstChild, node.lastChild]) {
          if (side !== null && side.name !== 'NumberDurationLiteral') {
            sides.push(expression.slice(side.from, side.to));
          }
        }
      }
    },
  });
  return sides;
}
