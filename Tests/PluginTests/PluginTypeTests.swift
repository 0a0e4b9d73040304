import DTAPlugins
import Testing

@Suite("Plugins' names")
struct PluginTypeTests {
    @Test(
        "a plugin's name is short, lower case and cannot leave its directory",
        arguments: ["a", "office-hours", "k2", "a-b-c"])
    func good(_ name: String) { #expect(PluginType(name)?.name == name) }

    @Test(
        "other names of plugins are refused",
        arguments: [
            "", "-a", "a-", "2k", "A", "a_b", "a.b", "a/b", "..", "a\n", "ä", String(repeating: "a", count: 33),
        ])
    func bad(_ name: String) { #expect(PluginType(name) == nil) }
}
