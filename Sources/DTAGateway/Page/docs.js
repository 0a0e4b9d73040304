"use strict"
// Reads /openapi.json and makes a form of each operation. Whatever comes from outside becomes text, never markup.

function make(name, properties = {}, ...children) {
    const element = Object.assign(document.createElement(name), properties)
    element.append(...children)
    return element
}

function example(schema, all) {
    if (schema.$ref) return example(all[schema.$ref.split("/").pop()], all)
    if (schema.type !== "object") return schema.type === "integer" ? schema.minimum ?? 0 : schema.type === "array" ? [] : ""
    const names = schema.required ?? []
    return Object.fromEntries(names.map((name) => [name, example(schema.properties[name], all)]))
}

function shape(schema, all) {
    const found = schema.$ref ? all[schema.$ref.split("/").pop()] : schema
    const rows = Object.entries(found.properties ?? {}).map(([name, member]) =>
        make("tr", {}, make("td", {}, make("code", {}, name + ((found.required ?? []).includes(name) ? "" : "?"))),
            make("td", { className: "quiet" }, member.type ?? ""), make("td", {}, member.description ?? "")))
    return rows.length ? make("table", {}, ...rows) : ""
}

function input(parameter) {
    const schema = parameter.schema
    const field = schema.enum
        ? make("select", {}, ...schema.enum.map((choice) => make("option", {}, choice)))
        : make("input", { placeholder: schema.default ?? (parameter.required ? "required" : "") })
    field.name = parameter.name
    if (schema.enum) field.value = schema.default
    return make("label", {}, parameter.name + " ", make("span", { className: "quiet" }, parameter.description), make("br"), field)
}

async function tell(response, place) {
    const type = response.headers.get("content-type") ?? ""
    const head = make("p", { className: response.ok ? "status" : "status bad" }, `${response.status} ${response.statusText}`)
    let text = ""
    if (type.startsWith("application/json")) text = JSON.stringify(await response.json(), null, 2)
    else if (type.startsWith("text/")) text = await response.text()
    else if (type) text = `${(await response.arrayBuffer()).byteLength} bytes of ${type}`
    place.replaceChildren(head, text ? make("pre", {}, text) : "")
}

function form(method, path, operation, all) {
    const parameters = operation.parameters ?? []
    const fields = parameters.map(input)
    const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? []
    let body = ""
    if (type === "application/json") {
        body = make("textarea", { value: JSON.stringify(example(content.schema, all), null, 2), spellcheck: false })
    } else if (type) {
        body = make("input", { type: "file" })
    }
    const answer = make("div", { className: "answer" })
    const send = make("button", { type: "button", className: "send" }, "Try it")
    send.addEventListener("click", async () => {
        let target = path
        const query = new URLSearchParams()
        for (const [index, parameter] of parameters.entries()) {
            const value = fields[index].querySelector("input, select").value
            if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(value))
            else if (value) query.set(parameter.name, value)
        }
        const request = { method: method.toUpperCase(), headers: {}, cache: "no-store" }
        const token = document.getElementById("token").value.trim()
        if (token) request.headers.authorization = `Bearer ${token}`
        if (type) {
            request.headers["content-type"] = type
            request.body = body.files ? body.files[0] ?? "" : body.value
        }
        send.disabled = true
        try {
            await tell(await fetch(target + (query.size ? `?${query}` : ""), request), answer)
        } catch (error) {
            answer.replaceChildren(make("p", { className: "status bad" }, String(error)))
        }
        send.disabled = false
    })
    return [...fields, content ? shape(content.schema, all) : "", body, make("p", {}, send), answer]
}

function operationOf(method, path, operation, all) {
    const answers = Object.entries(operation.responses).map(([status, answer]) =>
        make("tr", {}, make("td", {}, status), make("td", {}, answer.description)))
    return make("details", { id: operation.operationId },
        make("summary", {}, make("span", { className: `method ${method}` }, method.toUpperCase()),
            make("span", { className: "path" }, path), make("span", { className: "quiet" }, operation.summary)),
        make("div", { className: "inside" }, make("p", {}, operation.description ?? ""),
            ...form(method, path, operation, all), make("table", {}, ...answers)))
}

async function show() {
    const place = document.getElementById("operations")
    try {
        const description = await (await fetch("/openapi.json")).json()
        document.getElementById("title").textContent = `${description.info.title} ${description.info.version}`
        document.getElementById("about").textContent = description.info.description
        const groups = new Map()
        for (const [path, methods] of Object.entries(description.paths)) {
            for (const [method, operation] of Object.entries(methods)) {
                const tag = operation.tags[0]
                if (!groups.has(tag)) groups.set(tag, [])
                groups.get(tag).push(operationOf(method, path, operation, description.components.schemas))
            }
        }
        place.replaceChildren(...[...groups].flatMap(([tag, operations]) => [make("h2", {}, tag), ...operations]))
        // A link such as /docs#status opens its operation.
        const named = location.hash && document.getElementById(location.hash.slice(1))
        if (named) named.open = true
        document.body.dataset.ready = "yes"
    } catch (error) {
        place.replaceChildren(make("p", { className: "bad" }, `The description cannot be read: ${error}`))
    }
}

show()
