import { createRequire } from 'node:module';
import { parser } from '@prometheus-io/lezer-promql';

interface State {
  update(nothing: object): { readonly state: State };
}

// The entry of codemirror-promql brings an editor for browsers with it; its parser alone needs none. That parser is
// CommonJS and finds the syntax tree only in a state of the same copy of CodeMirror: the CommonJS one.
const require = createRequire(import.meta.url);
const { EditorState } = require('@codemirror/state') as {
  EditorState: { create(config: { doc: string; extensions: readonly unknown[] }): State };
};
const { ensureSyntaxTree, LRLanguage } = require('@codemirror/language') as {
  ensureSyntaxTree(state: State, upto: number, timeoutMs: number): object | null;
  LRLanguage: { define(language: { parser: unknown }): unknown };
};
const { Parser } = require('@prometheus-io/codemirror-promql/dist/cjs/parser/parser.js') as {
  Parser: new (state: State) => {
    analyze(): void;
    getDiagnostics(): readonly { readonly message: string }[];
  };
};

const promql = LRLanguage.define({ parser });

/** What Prometheus' own editor has against an expression: its syntax, and its types. */
export function promqlFaults(expr: string): readonly string[] {
  const state = EditorState.create({ doc: expr, extensions: [promql] });
  // A state parses for 20 ms only; the next one takes over what was parsed to the end.
  ensureSyntaxTree(state, expr.length, 10_000);
  const analysis = new Parser(state.update({}).state);
  analysis.analyze();
  return analysis.getDiagnostics().map(({ message }) => `${message}: ${expr}`);
}
