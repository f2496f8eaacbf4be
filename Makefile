# make test    everything that must hold, in minutes, from a machine with only Go
# make soak    the same at full counts
# make build   one static program, bin/amana
# make bench   the same work as peers and as the bare operation, in ratios; half an hour
# make fmt     formats the Go files

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)

.PHONY: test soak build bench fmt

test:
	scripts/test.sh

soak:
	AMANA_SOAK=1 scripts/test.sh

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/amana ./cmd/amana

bench:
	scripts/bench.sh

fmt:
	gofmt -w $$(git ls-files '*.go')
