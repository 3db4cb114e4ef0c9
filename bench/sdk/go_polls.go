/* SPDX-License-Identifier: MIT */
// Polls with the AWS SDK for Go v2: go_polls URL ROOTS IN_FLIGHT POLLS
// One client, as many goroutines and kept connections as are in flight.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"
)

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func httpClient(roots string, atOnce int) *http.Client {
	pem, err := os.ReadFile(roots)
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = false
	transport.MaxIdleConns = atOnce
	transport.MaxIdleConnsPerHost = atOnce
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport}
}

func poll(client *codepipeline.Client, times int) {
	input := &codepipeline.PollForThirdPartyJobsInput{ActionTypeId: &types.ActionTypeId{
		Category: types.ActionCategoryBuild,
		Owner:    types.ActionOwnerThirdParty,
		Provider: aws.String("Bench000000"),
		Version:  aws.String("1"),
	}}
	for ; times > 0; times-- {
		if _, err := client.PollForThirdPartyJobs(context.Background(), input); err != nil {
			log.Fatal(err)
		}
	}
}

func main() {
	url, roots := os.Args[1], os.Args[2]
	atOnce, polls := number(os.Args[3]), number(os.Args[4])
	client := codepipeline.New(codepipeline.Options{
		Region:           "us-east-1",
		EndpointResolver: codepipeline.EndpointResolverFromURL(url),
		HTTPClient:       httpClient(roots, atOnce),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE",
			"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""),
	})
	var all sync.WaitGroup
	for i := 0; i < atOnce; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			poll(client, polls/atOnce)
		}()
	}
	all.Wait()
}
