// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remotetest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/fs/remote/remotetest"
)

// get asks a server and gives status and body, -1 for a broken answer.
func get(t *testing.T, url, rng string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if rng != "" {
		req.Header.Set("Range", rng)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return -1, ""
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return -1, string(b)
	}
	return resp.StatusCode, string(b)
}

func TestActions(t *testing.T) {
	content := strings.Repeat("0123456789", 10)
	over := make(chan struct{})
	close(over)
	for name, tt := range map[string]struct {
		do     remotetest.Action
		status int
		body   string
	}{
		"proper":   {remotetest.Proper(), 206, "234"},
		"no range": {remotetest.NoRange(), 200, content},
		"cut":      {remotetest.Cut(2), -1, "23"},
		"short":    {remotetest.Short(2), 206, "23"},
		"no stall": {remotetest.StallUntil(1, over), 206, "234"},
		"corrupt":  {remotetest.Corrupt(1), 206, "2\xcc4"},
		"trickle":  {remotetest.Trickle(1, 0), 206, "234"},
		"override": {remotetest.Override([]byte("x")), 200, "x"},
		"status":   {remotetest.Status(503), 503, `{"errors":[{"code":"RULE","message":"Service Unavailable"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			srv := remotetest.New(t)
			d := srv.PushBlob([]byte(content)).Digest
			srv.Rule(remotetest.Rule{Path: "/blobs/", Range: "bytes=", Do: tt.do})
			status, body := get(t, srv.URL+"/v2/a/blobs/"+d.String(), "bytes=2-4")
			if status != tt.status || body != tt.body {
				t.Errorf("got %d %q, want %d %q", status, body, tt.status, tt.body)
			}
			if status, body = get(t, srv.URL+"/v2/a/blobs/"+d.String(), ""); status != 200 || body != content {
				t.Errorf("without a range: %d %q", status, body)
			}
		})
	}
}

func TestRules(t *testing.T) {
	srv := remotetest.New(t)
	d := srv.PushBlob([]byte("x")).Digest
	srv.Rule(remotetest.Rule{Method: "PUT", Do: remotetest.Status(599)})
	first := srv.Rule(remotetest.Rule{Path: "/blobs/", Skip: 1, Times: 2, Do: remotetest.Status(501)})
	second := srv.Rule(remotetest.Rule{Path: "/blobs/", Skip: 1, Times: 1, Do: remotetest.Status(502)})
	var got []int
	for range 6 {
		status, _ := get(t, srv.URL+"/v2/a/blobs/"+d.String(), "")
		got = append(got, status)
	}
	if diff := cmp.Diff([]int{200, 501, 501, 502, 200, 200}, got); diff != "" {
		t.Error(diff)
	}
	if first.Hits() != 2 || second.Hits() != 1 || srv.Count("GET", "/blobs/") != 6 {
		t.Errorf("hits %d and %d of %d requests", first.Hits(), second.Hits(), srv.Count("GET", "/blobs/"))
	}
	srv.Reset()
	srv.ClearRules()
	if status, _ := get(t, srv.URL+"/v2/a/blobs/"+d.String(), "bytes=0-0"); status != 206 {
		t.Errorf("status %d", status)
	}
	if diff := cmp.Diff([]string{"bytes=0-0"}, srv.Ranges("/blobs/")); diff != "" {
		t.Error(diff)
	}
}

func TestMirrorSharesContent(t *testing.T) {
	srv := remotetest.New(t)
	mirror := srv.Mirror()
	img := mirror.PushImage("app", "v1", remotetest.Gzip(t, remotetest.Tar(t, remotetest.File{Name: "a"})))
	if status, body := get(t, srv.URL+"/v2/app/manifests/v1", ""); status != 200 || body != string(srv.Manifest("app", "v1")) {
		t.Errorf("got %d %q", status, body)
	}
	if status, _ := get(t, srv.URL+"/v2/app/blobs/"+img.Layers[0].Digest.String(), ""); status != 200 {
		t.Errorf("layer: status %d", status)
	}
}

func TestFront(t *testing.T) {
	srv := remotetest.New(t)
	img := srv.PushImage("app", "v1", remotetest.Gzip(t, remotetest.Tar(t, remotetest.File{Name: "a"})))
	front := remotetest.Front(t, srv.Host)
	blob := front.URL + "/v2/app/blobs/" + img.Layers[0].Digest.String()
	status := func() int {
		status, _ := get(t, blob, "")
		return status
	}
	if got := status(); got != 200 {
		t.Errorf("status %d", got)
	}
	front.Rule(remotetest.Rule{Path: "/blobs/", Times: 1, Do: remotetest.Status(503)})
	if first, second := status(), status(); first != 503 || second != 200 {
		t.Errorf("status %d, then %d", first, second)
	}
	front.Close()
	if got := status(); got != -1 {
		t.Errorf("status %d of a closed server", got)
	}
	front.Reopen()
	if got := status(); got != 200 {
		t.Errorf("status %d after Reopen", got)
	}
	front.RequireToken("", "")
	if got := status(); got != 401 {
		t.Errorf("status %d without a token", got)
	}
	srv.Close()
	front.ClearRules()
}

func TestSignedURLsExpire(t *testing.T) {
	store := remotetest.New(t)
	d := store.PushBlob([]byte("x")).Digest
	path := "/v2/a/blobs/" + d.String()
	srv := store.Mirror()
	store.Rule(remotetest.Rule{Do: remotetest.Signed()})
	for name, tt := range map[string]struct {
		life time.Duration
		want int
	}{"good": {time.Minute, 200}, "over": {-time.Second, 403}} {
		srv.ClearRules()
		srv.Rule(remotetest.Rule{Do: remotetest.RedirectFor(store, tt.life)})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s: status %d, want %d", name, resp.StatusCode, tt.want)
		}
	}
	if status, _ := get(t, store.URL+path, ""); status != 403 {
		t.Errorf("without a signature: status %d", status)
	}
}
