-- Requests of wrk to verify or refresh tokens of SciGateway. Arguments: the path, and a file with a login in each line: an
-- access token, a blank, a refresh token. Each thread has one connection and its own login, whose tokens it replaces by those
-- of the answers. Prints how many answers were not 200.
local threads = {}

function setup(thread)
    table.insert(threads, thread)
    thread:set("number", #threads)
end

local function build_request()
    wrk.headers["Cookie"] = "scigateway:refresh_token=" .. refresh
    return wrk.format("POST", path, wrk.headers, '{"token":"' .. access .. '"}')
end

function init(arguments)
    path, failed = arguments[1], 0
    local line, current = 0, ""
    for text in io.lines(arguments[2]) do
        line = line + 1
        if line == number then current = text end
    end
    access, refresh = current:match("^(%S+) (%S+)$")
    wrk.headers["Content-Type"] = "application/json"
    prepared = build_request()
end

function request() return prepared end

-- Answers to `verify` have no body.
function response(status, headers, body)
    if status ~= 200 then
        failed = failed + 1
        return
    end
    if body == "" then return end
    access = body:match('^"(%S+)"$')
    for name, value in pairs(headers) do
        if name:lower() == "set-cookie" then refresh = value:match("^scigateway:refresh_token=([^;]+)") or refresh end
    end
    prepared = build_request()
end

function done()
    local sum = 0
    for _, thread in ipairs(threads) do sum = sum + tonumber(thread:get("failed")) end
    print("failed: " .. sum)
end
