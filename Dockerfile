# The daemon and the CLI, static, in an empty image.
#
# The daemon must mount in the host's namespace and see its processes: README.md says how to run it (Run the daemon in
# a container), docs/daemonset.yaml does so in Kubernetes.
FROM golang:1.26-bookworm AS build
ARG VERSION=unknown
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/spryd/spry/service.Version=$VERSION -X main.Version=$VERSION" -o /out/ ./cmd/spryd ./cmd/spry

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/ /usr/local/bin/
ENTRYPOINT ["/usr/local/bin/spryd"]
