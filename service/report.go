// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/spryd/spry/config"
	"github.com/spryd/spry/fs"
	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/read"
	"github.com/spryd/spry/service/metrics"
	"github.com/spryd/spry/service/status"
)

// statusAddress is where status is served: beside the socket for containerd
// unless it is configured.
func statusAddress(c config.Config) string {
	if c.Status.Address != "" {
		return c.Status.Address
	}
	return filepath.Join(filepath.Dir(c.Address), "status.sock")
}

// listenStatus listens at the address of status: HOST:PORT, or the path of a
// socket, which only root may use. One that nobody serves is replaced.
func listenStatus(ctx context.Context, address string) (net.Listener, error) {
	l, err := listenAnywhere(ctx, address)
	if err != nil {
		return nil, statusError(address, err)
	}
	return l, nil
}

func listenAnywhere(ctx context.Context, address string) (net.Listener, error) {
	if !filepath.IsAbs(address) {
		var lc net.ListenConfig
		return lc.Listen(ctx, "tcp", address)
	}
	if err := os.MkdirAll(filepath.Dir(address), 0o755); err != nil {
		return nil, err
	}
	if err := refuseLiving(ctx, address); err != nil {
		return nil, err
	}
	return listenPrivate(ctx, address)
}

// lockStatus keeps other daemons from the status socket, also while no server
// of this one has it: the next one could not start. It is a keeper's; nil if
// status has no socket.
func lockStatus(address string) (*lockFile, error) {
	if !filepath.IsAbs(address) {
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Dir(address), 0o755); err != nil {
		return nil, statusError(address, err)
	}
	l, err := lock(address+".lock", address)
	if err != nil {
		return nil, statusError(address, err)
	}
	return l, nil
}

// statusError names what an operator can set.
func statusError(address string, err error) error {
	return fmt.Errorf("serve status at %s: %w; [status] address sets another place", address, err)
}

// reportSource reports what fsys and its readers do.
func reportSource(fsys *fs.FileSystem, counters *read.Counters) metrics.Source {
	return metrics.Source{
		Version: BuildVersion(),
		Layers: func() []status.Layer {
			list := []status.Layer{}
			for _, l := range fsys.Layers() {
				list = append(list, reportLayer(l))
			}
			return list
		},
		Reads: func() status.Reads { return reportReads(counters) },
	}
}

func reportLayer(l fs.LayerStatus) status.Layer {
	out := status.Layer{Digest: l.Layer.String(), State: l.State.String(), Size: l.Size, Missing: l.MissingBytes,
		Spans: l.Spans, Mountpoint: l.Mountpoint, Shown: l.Shown, Images: l.Images, Snapshots: l.Owners}
	if l.Err != nil {
		out.Error = l.Err.Error()
	}
	return out
}

func reportReads(c *read.Counters) status.Reads {
	r := status.Reads{
		Waiting: c.Waiting.Load(), Waited: c.Waited.Load(), WaitSeconds: float64(c.WaitNanos.Load()) / 1e9,
		Slow: c.Slow.Load(), Failed: c.Failed.Load(), WrongSpans: c.WrongSpans.Load(),
		Fetched: make(map[string]int64, fetch.Classes),
	}
	for class := fetch.Demand; int(class) < fetch.Classes; class++ {
		r.Fetched[class.String()] = c.Fetched(class)
	}
	return r
}
