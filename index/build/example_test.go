// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"

	"github.com/spryd/spry/index/build"
)

func ExampleLayer() {
	var blob bytes.Buffer
	z := gzip.NewWriter(&blob)
	w := tar.NewWriter(z)
	_ = w.WriteHeader(&tar.Header{Name: "etc/motd", Mode: 0o644, Size: 6})
	_, _ = w.Write([]byte("hello\n"))
	_, _ = w.Close(), z.Close()

	res, err := build.Layer(context.Background(), bytes.NewReader(blob.Bytes()), build.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := build.Verify(context.Background(), &blob, res); err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range res.Ztoc.Entries {
		fmt.Println(e.Name, e.Size, "bytes at", e.Offset)
	}
	fmt.Println(len(res.Ztoc.SpanDigests), "span")
	// Output:
	// etc/motd 6 bytes at 512
	// 1 span
}
