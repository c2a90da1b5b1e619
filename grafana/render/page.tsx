import '@fontsource/inter/latin-400.css';
import '@fontsource/inter/latin-500.css';
import './page.css';
import { createTheme, dateTime, dateTimeFormat } from '@grafana/data';
import type { DataFrame, TimeRange } from '@grafana/data';
import { GlobalStyles, Icon, PanelChrome, ThemeContext } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import type { CSSProperties, FC } from 'react';
import { isRow } from './dashboard.ts';
import type { Panel, Row } from './dashboard.ts';
import { expand, PAGE_WIDTH } from './drawing.ts';
import type { Drawing, PanelDrawing } from './drawing.ts';
import { framesOf } from './frames.ts';
import type { PanelData } from '#panels/panel-data.ts';
import { HeatmapPanel } from '#panels/heatmap.tsx';
import { BarGaugePanel, StatPanel } from '#panels/stat.tsx';
import { TablePanel } from '#panels/table.tsx';
import { TextPanel } from '#panels/text.tsx';
import { TimeSeriesPanel } from '#panels/time-series.tsx';

declare global {
  var draw: (drawing: Drawing) => Promise<number>;
}

/** Grafana's grid: 24 columns, rows of 30 pixels, gaps of 8. */
const GAP = 8;
const ROW = 30 + GAP;
const MARGIN = 16;
const HEADER = 56;
const COLUMN = (PAGE_WIDTH - 2 * MARGIN + GAP) / 24;

const theme = createTheme({ colors: { mode: 'dark' } });
const PANELS = new Map<string, FC<PanelData>>([
  ['timeseries', TimeSeriesPanel],
  ['stat', StatPanel],
  ['bargauge', BarGaugePanel],
  ['gauge', BarGaugePanel],
  ['table', TablePanel],
  ['heatmap', HeatmapPanel],
  ['text', TextPanel],
]);

/** A stat says itself that it has no data. */
const ALWAYS_DRAWN = new Set(['text', 'stat']);

/** Draws a dashboard and answers how high it is, in pixels. */
globalThis.draw = async (drawing) => {
  const values = new Map(drawing.variables.map(({ name, shown, value }) => [name, shown ?? value]));
  const replaceVariables = (text: string) => expand(text, values);
  const from = dateTime(drawing.fromMs);
  const to = dateTime(drawing.toMs);
  const timeRange = { from, to, raw: { from, to } };
  const panels = await Promise.all(
    drawing.panels.map(async (drawn) => {
      const frames = isRow(drawn.panel)
        ? []
        : await framesOf(drawn.panel, drawn.answers, theme, replaceVariables);
      return { ...drawn, frames };
    }),
  );

  const root = document.querySelector('#root');
  if (root === null) throw new Error('bug: the page has no root');
  document.documentElement.style.fontSize = '14px';
  createRoot(root).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Header {...drawing} />
      {panels.map((drawn, index) => (
        <div key={index} className="cell" style={styleOf(drawn.panel)}>
          {isRow(drawn.panel) ? (
            <h6 className="heading">
              <Icon name="angle-down" /> {replaceVariables(drawn.panel.title ?? '')}
            </h6>
          ) : (
            <Frame {...drawn} {...{ panel: drawn.panel, timeRange, replaceVariables }} />
          )}
        </div>
      ))}
    </ThemeContext.Provider>,
  );
  await document.fonts.ready;
  const bottom = drawing.panels.map(
    ({ panel: { gridPos } }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0),
  );
  return HEADER + Math.max(...bottom) * ROW + MARGIN;
};

function styleOf({ gridPos }: Panel | Row): CSSProperties {
  const { x, y, w, h } = { x: 0, y: 0, w: 24, h: 8, ...gridPos };
  return {
    left: MARGIN + x * COLUMN,
    top: HEADER + y * ROW,
    width: w * COLUMN - GAP,
    height: h * ROW - GAP,
  };
}

function Header({ title, fromMs, toMs, variables }: Drawing) {
  return (
    <header style={{ height: HEADER, padding: `0 ${MARGIN}px` }}>
      <h4>{title}</h4>
      {variables.map(({ name, label, shown }) =>
        shown === undefined ? null : (
          <span key={name} className="variable">
            {label} <b>{shown}</b>
          </span>
        ),
      )}
      <span className="time">
        <Icon name="clock-nine" /> {dateTimeFormat(fromMs, { timeZone: 'utc' })} to{' '}
        {dateTimeFormat(toMs, { timeZone: 'utc', format: 'HH:mm:ss' })} UTC
      </span>
    </header>
  );
}

interface FrameProps extends PanelDrawing {
  readonly panel: Panel;
  readonly frames: DataFrame[];
  readonly timeRange: TimeRange;
  readonly replaceVariables: (text: string) => string;
}

function Frame({ panel, answers, frames, note, timeRange, replaceVariables }: FrameProps) {
  const { width, height } = styleOf(panel);
  const exemplars = answers.flatMap((answer) => answer.exemplars);
  return (
    <PanelChrome
      title={replaceVariables(panel.title ?? '')}
      description={panel.description ?? ''}
      displayMode={panel.transparent === true ? 'transparent' : 'default'}
      width={Number(width)}
      height={Number(height)}
    >
      {(width, height) => {
        const Visualisation = PANELS.get(panel.type);
        if (note !== undefined) return <p className="note">{note}</p>;
        if (Visualisation === undefined) return <p className="note">{panel.type} is not drawn</p>;
        if (frames.length === 0 && !ALWAYS_DRAWN.has(panel.type))
          return <p className="note">No data</p>;
        const data = {
          panel,
          frames,
          exemplars,
          theme,
          timeRange,
          width,
          height,
          replaceVariables,
        };
        return <Visualisation {...data} />;
      }}
    </PanelChrome>
  );
}
