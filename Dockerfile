# One image for all processes: the web process by default, another with its script, such as src/worker.ts.

FROM node:24-trixie-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc scripts/slim.ts ./
# Production's packages need no install scripts, so none may run.
RUN npm ci --omit=dev --ignore-scripts && node slim.ts

# Has Node but no shell, and runs as an unprivileged user; its files belong to root.
FROM gcr.io/distroless/nodejs24-debian13:nonroot
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY . .
ENV HOST=0.0.0.0
EXPOSE 3000
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=16", "--heap-growing-percent=50", "--initial-old-space-size=32", "--import=./src/compile-cache.js"]
CMD ["src/server.ts"]
# Alive, not ready: a restart does not help if only the database is down.
HEALTHCHECK --interval=15s --timeout=5s --start-period=90s \
  CMD ["/nodejs/bin/node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT ?? 3000}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1))"]
