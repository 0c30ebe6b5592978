-- The part of Quarto that report.qmd uses, for pandoc alone: numbered figures and tables, cross references, callouts.
-- A label is Quarto's: fig-, tbl- or sec-. What cannot be resolved stops the conversion.

local callouts = {
  ["callout-note"] = "Note", ["callout-tip"] = "Tip", ["callout-warning"] = "Warning",
  ["callout-caution"] = "Caution", ["callout-important"] = "Important",
}
local words = { fig = "Figure", tbl = "Table", sec = "Section" }
local counts = { fig = 0, tbl = 0 }
local numbers = {}
local section = {}

local function kind_of(identifier)
  return identifier:match("^(%a+)%-")
end

local function numbered(identifier, caption)
  local kind = kind_of(identifier)
  counts[kind] = counts[kind] + 1
  if numbers[identifier] then
    error("the label " .. identifier .. " is given twice")
  end
  numbers[identifier] = words[kind] .. "\u{a0}" .. counts[kind]
  local start = { pandoc.Span({ pandoc.Str(numbers[identifier] .. ":") }, { class = "caption-number" }), pandoc.Space() }
  return pandoc.Caption({ pandoc.Plain(pandoc.List(start) .. caption) })
end

local function with_alt(image)
  image.attributes["alt"] = image.attributes["fig-alt"]
  image.attributes["fig-alt"] = nil
  return image
end

local function split_caption(div)
  local blocks = div.content:clone()
  local caption = blocks:remove()
  if not caption or caption.t ~= "Para" or #blocks == 0 then
    error("the block " .. div.identifier .. " needs its content and, as its last paragraph, a caption")
  end
  return blocks, caption.content
end

local function labelled_block(div)
  local kind = kind_of(div.identifier)
  local blocks, caption = split_caption(div)
  if kind == "fig" then
    return pandoc.Figure(blocks, numbered(div.identifier, caption), { id = div.identifier })
  end
  if #blocks ~= 1 or blocks[1].t ~= "Table" then
    error("the block " .. div.identifier .. " needs one table")
  end
  local tbl = blocks[1]
  tbl.caption = numbered(div.identifier, caption)
  tbl.attr = pandoc.Attr(div.identifier, tbl.classes, tbl.attributes)
  if not FORMAT:match("html") then
    return tbl
  end
  -- wider than a phone: scrolls within itself, by keyboard too, for which it needs a name and a tab stop
  local name = pandoc.utils.stringify(tbl.caption.long)
  local attributes = { { "tabindex", "0" }, { "role", "region" }, { "aria-label", name } } -- a list, to keep the order
  return pandoc.Div({ tbl }, pandoc.Attr("", { "scrolls" }, attributes))
end

local function labelled_image(para)
  local image = #para.content == 1 and para.content[1]
  if not image or image.t ~= "Image" then
    return nil
  end
  if kind_of(image.identifier) ~= "fig" then
    if #image.caption > 0 then
      error("the picture " .. image.src .. " has a caption and needs a label that starts with fig-")
    end
    return nil
  end
  local identifier, caption = image.identifier, image.caption
  image.identifier = ""
  image.caption = {}
  return pandoc.Figure({ pandoc.Plain({ image }) }, numbered(identifier, caption), { id = identifier })
end

local function callout(div, class)
  local title = div.attributes["title"] or callouts[class]
  local heading = pandoc.Para({ pandoc.Strong({ pandoc.Str(title) }) })
  if FORMAT:match("typst") then
    local blocks = pandoc.List({ pandoc.RawBlock("typst", '#callout("' .. class .. '")['), heading })
    return blocks .. div.content .. { pandoc.RawBlock("typst", "]") }
  end
  local content = pandoc.List({ pandoc.Div({ heading }, { class = "callout-title" }) }) .. div.content
  return pandoc.Div(content, { class = "callout " .. class, role = "note" })
end

-- In print the small pictures stand in two columns; the page's style sheet does that for HTML.
local function in_columns(div)
  if not FORMAT:match("typst") then
    return nil
  end
  local start = pandoc.RawBlock("typst", "#columns(2)[#set list(marker: none, indent: 0pt, body-indent: 0pt)")
  return pandoc.List({ start }) .. div.content .. { pandoc.RawBlock("typst", "]") }
end

local function number_section(header)
  if header.classes:includes("unnumbered") or not PANDOC_WRITER_OPTIONS.number_sections then
    return
  end
  for level = header.level + 1, #section do
    section[level] = nil
  end
  for level = 1, header.level do
    section[level] = section[level] or 0
  end
  section[header.level] = section[header.level] + 1
  if kind_of(header.identifier) == "sec" then
    numbers[header.identifier] = words.sec .. "\u{a0}" .. table.concat(section, ".")
  end
end

local function reference(cite)
  local kind = #cite.citations == 1 and kind_of(cite.citations[1].id)
  if not words[kind] then
    return nil
  end
  local identifier = cite.citations[1].id
  if not numbers[identifier] then
    error("a cross reference to " .. identifier .. ", which no figure, table or numbered section has as its label")
  end
  return pandoc.Link({ pandoc.Str(numbers[identifier]) }, "#" .. identifier, "", { class = "cross-reference" })
end

local number_all = {
  traverse = "topdown",
  Header = number_section,
  Para = labelled_image,
  Div = function(div)
    local kind = kind_of(div.identifier)
    if kind == "fig" or kind == "tbl" then
      return labelled_block(div), false
    end
    if div.classes:includes("participants") then
      return in_columns(div)
    end
    for _, class in ipairs(div.classes) do
      if callouts[class] then
        return callout(div, class)
      end
    end
  end,
}

return { { Image = with_alt }, number_all, { Cite = reference } }
