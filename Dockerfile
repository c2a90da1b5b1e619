FROM node:24.21.0-alpine AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The image is the Node, and the database is another container: optional packages bring both.
RUN npm ci --omit=dev --omit=optional

FROM node:24.21.0-alpine
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json mikro-orm.cli.js mikro-orm.config.ts ./
COPY migrations migrations
COPY docs/errors.md docs/errors.md
COPY src src
USER node
EXPOSE 3000
# Live, not ready: a container is not replaced because its database is away.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT ?? 3000}/livez`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--import", "./src/telemetry/bootstrap.ts", "src/main.ts"]
