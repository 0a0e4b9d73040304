import AgentProtocol
import DTASystem
import Glibc
import Testing

@Suite("Names of files as text")
struct NativeTextTests {
    @Test("any bytes become text and the same bytes again, and different bytes different text")
    func roundTrip() {
        var all: [[UInt8]] = (0...255).map { [$0] } + (0...255).map { [0x61, $0, 0x62] }
        all += [
            Array("größe €𝄞".utf8), [0xf4, 0x8f, 0xbe, 0x80], [0xf4, 0x8f, 0xbf, 0xbf], [0xf4, 0x8f, 0xbd, 0xbf],
            [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xe2, 0x82], [0xf0, 0x9d, 0x84], [0xe9, 0xcc, 0x81], Array(128...255),
            [0x65, 0xcc, 0x81], [0xc3, 0xa9], [],
        ]
        for bytes in all { #expect(NativeText.bytes(NativeText.text(bytes)) == bytes) }
        #expect(Set(all.map { Array(NativeText.text($0).unicodeScalars.map(\.value)) }).count == Set(all).count)
    }

    @Test("text is taken as it is, and what is none is shown as bytes")
    func shown() {
        let text = NativeText.text(Array("größe".utf8))
        #expect(text == "größe" && NativeText.isText(text) && NativeText.shown(text) == "größe")
        let name = NativeText.text([0x67, 0xe9, 0x2e])
        #expect(!NativeText.isText(name) && NativeText.shown(name) == "g\\xe9.")
        #expect(NativeText.path(name) == [0x67, CChar(bitPattern: 0xe9), 0x2e, 0])
        #expect(NativeText.path("a\0b") == [0], "the kernel would take it for another name")
    }

    @Test(
        "a user that may not connect to an installed agent is told of the group, and of a private one that it is private"
    )
    func hints() {
        let installed = AgentUnreachable(socketPath: AgentUnreachable.installedSocket, errno: EACCES).error
        #expect(installed.hint.contains("usermod -aG dta"))
        let own = AgentUnreachable(socketPath: "/home/alice/.dta/agent.sock", errno: EACCES).error
        #expect(!own.hint.contains("usermod") && own.hint.contains("belongs to other users"))
    }
}
