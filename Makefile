# Spry. "make" alone prints the targets.
SHELL := /bin/bash
CACHE ?= $(CURDIR)/.cache
GOLANGCI := $(CACHE)/golangci/golangci-lint
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X github.com/spryd/spry/service.Version=$(VERSION) -X main.Version=$(VERSION)
export SPRY_CACHE := $(CACHE)

.DEFAULT_GOAL := help
.PHONY: help setup demo test build cross unit integration lint fuzz bench microbench docker clean

help: ## print the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## install what is needed and show a lazy start against a full pull, with numbers
	@integration/setup.sh demo
	@$(MAKE) -s build
	@go run ./integration/demo

test: setup lint cross unit integration ## install what is needed and pass every linter and test

setup: ## install what the tests need (Debian packages, containerd, linter)
	@integration/setup.sh test

build: ## bin/spryd and bin/spry, static
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/spryd ./cmd/spry

cross: ## both binaries for linux/amd64 and linux/arm64, into bin/OS-ARCH
	@for arch in amd64 arm64; do \
		echo "build linux/$$arch"; \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch go build -trimpath -ldflags '$(LDFLAGS)' -o bin/linux-$$arch/ ./cmd/spryd ./cmd/spry || exit 1; \
	done

unit: ## every package's tests under the race detector
	PATH=$(CACHE)/containerd-2:$$PATH go test -race -timeout 20m $$(go list ./... | grep -v /integration)
	SPRY_FUSE=1 go test ./fs # what kernels without EROFS images get

integration: build ## real containerd 1.7 and 2.x, registries, containers
	go test -race -count=1 -timeout 45m ./integration/...

lint: ## golangci-lint
	$(GOLANGCI) run ./...

fuzz: ## every fuzz target for FUZZTIME (default 30s) each
	@for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep ^Fuzz); do \
			echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $${FUZZTIME:-30s} -fuzzminimizetime 10x $$p || exit 1; \
		done; \
	done

bench: ## cold starts, warm work and full reads on real images, against overlayfs; ARGS="-help" prints the flags
	@integration/setup.sh demo
	@$(MAKE) -s build
	@CGO_ENABLED=0 go build -trimpath -o bin/bench ./integration/bench
	@bin/bench $(ARGS)

microbench: ## Go benchmarks of the hot paths
	go test -run '^$$' -bench . -benchmem ./index/... ./fs/...

docker: ## a small image with both static binaries
	docker build --build-arg VERSION=$(VERSION) -t spry:$(VERSION) .

clean: ## remove what the build made (the cache stays)
	rm -rf bin
