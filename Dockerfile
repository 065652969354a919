# The daemon and the CLI, static, in an empty image.
#
# The daemon must see the host's mounts and FUSE: run it privileged, with the host's /var/lib/spryd and
# /run/spryd mounted "shared", for example as a DaemonSet (README, Kubernetes).
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
