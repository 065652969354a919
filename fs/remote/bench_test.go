// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/spryd/spry/fs/remote/remotetest"
)

func BenchmarkReadRange(b *testing.B) {
	srv := remotetest.New(b)
	d := srv.PushBlob(noise(8 << 20)).Digest
	blob := open(b, quick()).Blob(srv.Ref("app", "x"), d)
	buf := make([]byte, 1<<20)
	for _, n := range []int64{4 << 10, 256 << 10, 4 << 20} {
		b.Run(fmt.Sprintf("%dK", n>>10), func(b *testing.B) {
			b.SetBytes(n)
			b.ReportAllocs()
			for b.Loop() {
				rc, err := blob.ReadRange(b.Context(), 1000, n)
				if err != nil {
					b.Fatal(err)
				}
				var got int64
				for err == nil {
					var m int
					m, err = rc.Read(buf)
					got += int64(m)
				}
				if !errors.Is(err, io.EOF) || got != n {
					b.Fatal(got, err)
				}
				_ = rc.Close()
			}
		})
	}
}
