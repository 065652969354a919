// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
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
		Spans: l.Spans, Mountpoint: l.Mountpoint, Images: l.Images, Snapshots: l.Owners}
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
