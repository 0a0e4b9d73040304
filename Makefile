# Every target is a script or a command; `make help` says what each does. The two for a newcomer: make run, make test.

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR    ?=
export PREFIX SYSCONFDIR DESTDIR KEEP

PRODUCTS = dtactl dtad dtad-hsm dtagw dta-p11

# One call for each product: of several --product options, swift build heeds only the last. The standard library is
# linked in: what is installed must not need a toolchain, and it starts faster and with half of the memory.
RELEASE = Scripts/swift build -c release --static-swift-stdlib

.PHONY: help run test build bench soak outage install uninstall clean format lint setup tsan fuzz documentation

help:  ## This list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 16

run:  ## Show what D-TA does, with a private agent in ./.dta; KEEP=1 leaves it running
	@Scripts/setup run
	@Scripts/compile dtactl dtad dtad-hsm
	@DTA_BIN=.build/debug Scripts/demo
	@DTA_BIN=.build/debug Scripts/demo-hosts
	@Scripts/compile dtagw
	@DTA_BIN=.build/debug Scripts/demo-orders

test:  ## Everything that is checked, with real tokens, sockets and users
	@Scripts/setup test
	@Scripts/test

build:  ## The release programs, in .build/release
	@Scripts/setup build
	@for product in $(PRODUCTS); do echo "build: $$product" && $(RELEASE) --product $$product || exit 1; done

bench: build  ## Speed, memory and start, beside yardsticks; ARGS=--help for the options
	@Scripts/setup bench
	@$(RELEASE) --product dta-bench
	@$(RELEASE) --product dta-bench-http
	@Benchmarks/run $(ARGS)

soak: build  ## A body of 5 GiB sealed, opened and compared, with bounds on memory; ARGS=--help for the options
	@Scripts/setup run
	@Scripts/soak $(ARGS)

outage: build  ## The IPFS node killed, absent, lying and full for 5 minutes, and nothing lost; ARGS="--minutes 60" for longer
	@Scripts/setup test
	@Scripts/outage $(ARGS)

install:  ## What `make build` built, units and completions included, below DESTDIR and PREFIX
	@Scripts/install

uninstall:  ## Undoes install; keeps configuration, keys and state
	@Scripts/install --remove

setup:  ## The Debian packages for all of this
	@Scripts/setup run test build bench

fuzz:  ## Made-up bytes for every decoder, 30 seconds each; ARGS="--seconds 300 car" to change that
	@Scripts/setup test
	@Scripts/fuzz $(ARGS)

tsan:  ## The workers' tests under the thread sanitizer
	@Scripts/setup test
	@Scripts/tsan

documentation:  ## Pages of the two libraries, by DocC, in .build/documentation
	@Scripts/setup build
	@Scripts/documentation $(ARGS)

format:  ## Lay out the Swift sources
	swift format -i -p -r Package.swift Sources Tests Benchmarks

lint:  ## What CI wants of the sources' form
	@Scripts/lint

clean:  ## Everything that was built; not ./.dta
	rm -rf .build .build-tsan .build-fuzz
